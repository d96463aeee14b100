// Package vaultkeys is everything Signet knows about keys in HashiCorp Vault's
// transit engine: the versions of each key ring and which of them signs now
// ([Rings]), the public JWK set derived from them, the secrets behind refresh
// tokens ([MACKeys]), and batched signing ([Batcher]).
//
// It is not a connection to Vault: login, tokens and HTTP errors belong to
// vaultapi, and this package sees Vault through the interface [Vault]. It
// holds no private key and never writes to a transit key: rotating, fencing
// and retiring versions are the keeper's, under another identity. The
// arithmetic of rotation is in lifecycle, as pure functions.
package vaultkeys
