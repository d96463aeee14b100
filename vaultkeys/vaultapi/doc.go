// Package vaultapi is Signet's one connection to HashiCorp Vault: it logs in,
// keeps the token alive, sends requests and turns every answer Vault can give
// into a typed error. [Conn] is its whole surface.
//
// It knows nothing of transit, keys or signatures: paths and bodies are its
// callers'. It never retries for them either, except once after a dead token
// was replaced: who may retry, and how often, depends on what is asked.
package vaultapi
