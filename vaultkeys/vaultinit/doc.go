// Package vaultinit prepares a Vault for Signet: the transit engine and its
// keys, the least-privilege policies of deploy/vault, and the AppRoles of
// issuer and keeper. Running it again changes nothing that is right already,
// and never a key version.
//
// It runs with an operator's token, once, from `signet vault init`. It is not
// part of a running Signet, rotates nothing, and deletes nothing.
package vaultinit
