// Package vaultlog reads Vault's audit log as its file device writes it: a line
// of JSON before a request and one after, with the same request id.
//
// [Scan] gives each request of interest once, with its answer, as a stream: in
// bounded memory, however large the log, and several times as fast as a JSON
// decoder.
//
// It reads, and judges nothing. It asks no Vault: what a hashed value stands
// for, package audithash finds out.
package vaultlog
