// Package report adds up issuance records and what Vault's audit log says of
// keys to what an auditor asks for: who got how many tokens, signed by which key
// version, what was refused, which sessions were misused, how old the keys are,
// who rotated them, and for which replicas and times the records speak.
//
// It counts; it proves nothing. Whether each signature was declared is for
// package reconcile, one token's way for package trace. It reads no files and
// asks no Vault: a [Collector] is told. Package page draws the result.
package report
