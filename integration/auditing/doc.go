// Package auditing has no code of its own. Its tests let real replicas sign in a
// real Vault with an audit log, and then ask the audit commands what happened:
// about honest systems, with retries and outages, and about planted misuse.
package auditing
