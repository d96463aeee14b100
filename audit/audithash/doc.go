// Package audithash asks Vault how values stand in its hashed audit log: the
// salt of an audit device never leaves Vault, so that each value is a call of
// sys/audit-hash (https://developer.hashicorp.com/vault/api-docs/system/audit-hash).
//
// It reads no log: that is package vaultlog.
package audithash
