// Package vaultapi is Signet's client of HashiCorp Vault: it logs in,
// keeps the token alive, sends requests and turns every answer Vault can give
// into a typed error. [Conn] is its surface.
//
// Paths and bodies are its callers'. Of transit it knows only what its answers
// are told apart by, such as the texts that refuse a key version
// ([VersionRefused]), and which of its requests change nothing. It never retries
// for its callers either, except once after a dead token was replaced: who may
// retry, and how often, depends on what is asked.
package vaultapi
