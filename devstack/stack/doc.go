// Package stack composes a whole Signet on one machine: Vault, Redis, the demo
// configuration, `signet vault init` and `signet serve`, and ends them together.
//
// It does NOT know how Vault is embedded (its caller hands that in), and it
// does not import Signet: it runs the binary as a user would.
package stack
