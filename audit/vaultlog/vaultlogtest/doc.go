// Package vaultlogtest writes audit logs as Vault 1.21 does, for tests and
// benchmarks. A test compares its lines with those of a real Vault, byte by byte.
package vaultlogtest
