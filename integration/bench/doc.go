// Command bench measures Signet in two sections, -only picks one.
//
// Tokens: Signet beside Vault itself, tokens per second by client_credentials
// against signatures per second by direct transit/sign calls with the same
// Vault token, in one run, interleaved, on one stack that it starts and stops
// (bin/devstack and bin/signet; `make bench` builds both). Only the ratios mean
// something: the load generator shares the machine.
//
// Sessions: what each costs in Redis, against a target, and how long lists and
// revocations take among a million. They are stored by refresh.Store itself, so
// that what is measured is what it writes. It starts a redis-server, no Vault.
package main
