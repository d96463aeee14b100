// Package lifecycle is the arithmetic of key rotation: which version of a key
// ring is published, signs, or only verifies at a given time, and what a keeper
// has to do next. Everything here is a pure function of Vault's answer, the
// ring's policy, the time and what its caller has seen, so all replicas agree
// without talking to each other.
//
// It is not a poller and not a keeper (package keeper): it reads nothing and
// raises no minimum.
package lifecycle
