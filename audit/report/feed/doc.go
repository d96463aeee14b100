// Package feed reads issuance records and Vault's audit log and tells a report's
// collector of them. It judges and counts nothing itself.
package feed
