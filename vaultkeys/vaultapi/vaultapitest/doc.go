// Package vaultapitest is the conformance suite of vaultapi.Conn: what it
// promises of logins, leases and refusals, held against a real Vault.
//
//	vaultapitest.Run(t, vaultapitest.Server{Address: addr, RootToken: token})
//
// Replies that no Vault gives on demand, and leases of hours, are in vaultapi's
// own tests. Transit is not its subject: that is vaulttest.
package vaultapitest
