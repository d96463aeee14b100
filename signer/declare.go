package signer

// Origin is where the wish for a token came from: what its claims do not say and
// an auditor wants to know.
type Origin struct {
	// Grant is the OAuth grant, or "issue".
	Grant string
	// Auth is how the client authenticated, such as client_secret_basic.
	Auth string
	// Remote is the address of the peer, without port.
	Remote string
	// TraceID is the caller's trace id.
	TraceID string
	// Generation of the refresh token that was presented; 0 for none.
	Generation uint32
}

// Declaration is one signature that the key holder is about to be asked for.
type Declaration struct {
	Request *Request
	// Sent is what it will get as input: the digest, or the signing input itself.
	Sent []byte
	// Reference is what it will log beside it: the request's. Who takes the
	// declaration of a canary, which has no claims, puts his own there.
	Reference string
}

// Outcome is what became of a declared signature.
type Outcome int

// The outcomes.
const (
	Issued    Outcome = iota // it was made, and handed to the request
	Discarded                // nobody got one, whether it was made or not
	Unknown                  // no answer came: it may have been made, and nobody got it
)
