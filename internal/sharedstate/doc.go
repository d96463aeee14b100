// Package sharedstate is what replicas share in Redis besides sessions: the
// connection to it, what must be true of the server, the identifiers of access
// tokens that are denied, the kids of keys that are revoked, the kid of each
// key version, how often each kid is still met, and what keepers and operators
// of key rings need to know of each other and of the replicas.
//
// It is not the session store (package refresh) and holds no secret.
package sharedstate
