package issuer

import "context"

// Caller is how a request came in, for the records of it: nothing is decided by it.
type Caller struct {
	// Auth is how the client authenticated, such as client_secret_basic.
	Auth string
	// Remote is the address of the peer, without port.
	Remote string
	// TraceID is of the caller's trace, or of the request where it has none.
	TraceID string
}

type callerKey struct{}

// WithCaller puts c into ctx.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

func callerOf(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}
