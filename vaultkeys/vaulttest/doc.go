// Package vaulttest is a fake of Vault's transit engine for tests. It holds
// real keys and really signs, in memory, with the semantics that Signet
// depends on: pinned versions, minimums, per-item batch errors, re-used
// version numbers. [RunConformance] holds the fake and a real Vault to the
// same behaviour.
//
//	vault := vaulttest.New(nil)
//	vault.CreateKey("signet-es256", "ecdsa-p256")
//	rings := vaultkeys.NewRings(vaultkeys.RingsConfig{Vault: vault, ...})
//
// It is not a Vault: there is no HTTP, no token, no policy (but see
// [Fake.Strict]), no encryption and no audit log.
package vaulttest
