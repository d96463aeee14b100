// Package simulation holds two simulated years of key rotation against what
// Signet promises, as a test: replicas and keepers, the real ones, on a small
// transit engine of its own and on clocks of its own, and a thousand verifiers
// with every usual cache. A run is determined by its seed.
//
// It is lazy and exact: between two changes of Vault's state a read of it only
// makes a snapshot younger, so a replica performs those of its reads that can
// matter, at the very times at which its poll loop would: the first after each
// change, and the last before each question and each outage. A keeper performs
// the first round after each change and all rounds near what is due next by its
// own metrics; the rounds that it leaves out would do nothing. What a replica
// serves is kept as a function of time, so a verifier can work out when it is
// asked what it fetched before.
//
// The promises, and so the invariants, have limits that the simulated faults
// keep to. Reads of a replica that still serves its JWK set fail for no longer
// than publish_delay leaves above the guard of the configuration, and Vault goes
// away as a whole only when all replicas have read the newest version. All
// clocks are within clock_skew of the true time, except Vault's for an hour now
// and then, and then only if publish_delay leaves room for that.
package simulation
