// Package sharedstate is what replicas share in Redis besides sessions: the
// connection to it, what must be true of the server, and the identifiers of
// access tokens that are denied.
//
// It is not the session store (package refresh) and holds no secret.
package sharedstate
