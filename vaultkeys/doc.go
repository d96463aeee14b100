// Package vaultkeys is what a replica knows about keys in HashiCorp Vault's
// transit engine: the versions of each key ring and which of them signs now
// ([Rings]), the public JWK set derived from them, which kids are revoked
// whatever Vault says ([RevokedKIDs]), the secrets behind refresh tokens
// ([MACKeys]), and batched signing ([Batcher]). What whoever changes a ring
// needs of a key is here too: [ReadKey], [ListedVersions], [Paths.Action].
//
// It is not a connection to Vault: login, tokens and HTTP errors belong to
// vaultapi, and this package sees Vault through the interface [Vault]. It
// holds no private key and changes no transit key: rotating, fencing and
// retiring versions are done by packages keeper and manual, under other
// identities. The arithmetic of rotation is in lifecycle, as pure functions.
package vaultkeys
