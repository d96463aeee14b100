// Package simulation holds two simulated years of key rotation against what
// Signet promises, as a test: twenty replicas and two keepers, the real ones, on
// a small transit engine and clocks of the simulation's, and a thousand
// verifiers with every usual cache. A run is determined by its seed, which
// stands in front of all that it finds.
//
// It is lazy and exact: between two changes of Vault's state a read of it only
// makes a snapshot younger, so a replica performs those of its reads that can
// matter, at the very times at which its poll loop would: the first after each
// change, and the last before each question and each outage. A keeper performs
// the first round after each change, and all rounds from a minute before what is
// due next by its own metrics; a round that it leaves out would do nothing. What
// a replica serves is kept as a function of time, so a verifier can work out
// when it is asked what it fetched before.
//
// The promises, and so the invariants, have limits that the simulated faults
// keep to; tests show what happens beyond most of them:
//
//   - Reads of a replica that serves its JWK set fail for no longer than
//     publish_delay leaves above the configuration's guard. A replica that
//     nobody mends for longer serves a set without the key that others sign with.
//   - Vault goes away as a whole only after all replicas have read the newest
//     version. Otherwise that version may be active when Vault is back, and its
//     first tokens reach verifiers that could not have fetched it.
//   - All clocks are within clock_skew of the true time, but for Vault's now and
//     then, if publish_delay has room for that.
//   - After an emergency or a restore a version may sign that was not published
//     before: for max-age and stale-if-error its tokens may be refused.
//   - Redis loses what replicas reported only when no token of a replica with
//     another max_ttl, no longer there to report it again, is left.
package simulation
