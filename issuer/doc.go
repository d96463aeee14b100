// Package issuer is what Signet does, free of HTTP: issue a token, refresh it,
// revoke it, say whether it is active. Each use case takes a client that has
// already authenticated, applies that client's current policy, and answers with
// a token or with an *Error that names one OAuth error code.
//
// It keeps no key, no session and no registry of its own: signatures, sessions,
// denials and clients are behind the small interfaces declared here. It never
// sees a client secret.
package issuer
