// Package vaultinittest holds the policies that vaultinit writes to a real
// Vault: everything that Signet needs works under them, and one test a line
// shows what Vault then refuses. Beside each refusal the same thing is done
// rightly, or by root, so that no test passes because nothing works at all.
//
// It is for tests only, and needs a Vault that it may fill with keys.
package vaultinittest
