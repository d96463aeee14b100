// Devstack is everything Signet needs on one machine, from Go alone: a real
// Vault, a Redis, and `signet serve` in front of them.
//
//	devstack run            the whole stack (what `make run` calls)
//	devstack server -dev    a Vault, as `vault server -dev` would be
//	devstack redis          an embedded Redis for machines without redis-server
//
// It is a module of its own because it links Vault's core, which is large and
// under the Business Source License. It is NOT part of the signet binary, and
// nothing here is fit for production.
package main
