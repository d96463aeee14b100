// Package audit is the issuance record: one line of JSON for every signature
// that Vault is asked for, written before it is asked, and one for everything
// else an auditor wants to know of.
//
// It says what a record is and how it is written and read as text. Package
// journal writes records where they are kept, records reads them back and
// follows their chain, vaultlog reads Vault's own audit log; trace, reconcile
// and report put both together.
//
// It never holds a token, a signature or a secret.
package audit
