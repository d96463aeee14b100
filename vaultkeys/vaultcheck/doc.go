// Package vaultcheck proves, against the Vault itself, that Signet's set-up
// there is what docs/vault.md promises: keys that fit and cannot leave, an
// issuer that can sign pinned and do nothing else, a keeper that can rotate and
// not sign, clocks that agree, and an audit log that is on and holds no secret.
// Each finding names its remedy.
//
// What can be tried without harm is tried; what cannot (rotating, exporting,
// deleting) is asked of sys/capabilities-self. It changes nothing, mends
// nothing, and judges neither who else has rights in Vault nor the hosts.
package vaultcheck
