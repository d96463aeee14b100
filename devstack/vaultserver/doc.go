// Package vaultserver runs a real Vault core inside this process: transit,
// AppRole and token authentication, and file audit devices, over Vault's own
// HTTP API, in memory or on a directory.
//
// It is NOT a way to run Vault in production: its unseal key lies beside its
// data or on the terminal, and it speaks plain HTTP.
package vaultserver
