// Package reconcile holds the issuance records against Vault's audit log, item
// by item: every signature that Vault made must have been declared, and every
// one that was declared as issued must be in the log. It also finds whatever
// goes round the signing path: exports, backups, changed keys, policies, roles,
// mounts and audit devices.
//
// It compares by what was signed, under which key: request ids and jtis are the
// signer's choice. Both sides are spilled to temporary files by a hash of that,
// and joined part by part, so memory does not grow with the log.
//
// It proves that each signature was declared, not that the declaration was
// honest, and it reads no token and no secret.
package reconcile
