// Package lifecycle is the arithmetic of key rotation: which version of a key
// ring is published, signs, or only verifies at a given time. Everything here
// is a pure function of Vault's answer, the ring's policy and the time, so all
// replicas agree without talking to each other.
//
// It is not a poller and not a keeper: it reads nothing, remembers nothing and
// raises no minimum.
package lifecycle
