// Command bench measures Signet in sections, -only picks one.
//
// Tokens: what Signet serves, beside direct transit/sign calls with the same Vault
// token, beside a server that signs with a key in its memory (package floor) and beside
// a static document; in one run, interleaved, on one stack that it starts and stops
// (bin/devstack and bin/signet; `make bench` builds both). Only the ratios mean
// something: the load generator shares the machine. docs/performance.md says what each
// line means.
//
// Sessions: what each costs in Redis, against a target, and how long lists and
// revocations take among a million. They are stored by refresh.Store itself, so
// that what is measured is what it writes. It starts a redis-server, no Vault.
//
// Records: signing with and without issuance records, side by side.
//
// Audit: a clear audit log of Vault of 1 GB and its records are written, and read
// by jq, `signet audit trace` and `signet audit reconcile`, each as a process of
// its own. Then the stack's own log, which is hashed, is compared with its records.
//
// Scale, only if it is named: what a request costs each process as replicas, clients,
// sessions, rings and connections grow, with replicas of its own on the stack's Vault
// and Redis. docs/capacity.md has its tables.
//
// The files of a section begin with its name; the others are for several. What needs to
// know nothing of Signet's stack is a package below:
//
//	floor     the server that signs with a key in its memory, as a process
//	growth    how costs grow with the size of something, against a bound
//	loadgen   load on an HTTP server, in a closed loop or by a schedule
//	plot      latency over throughput, as SVG
//	procstat  CPU time and memory of a process
//	replica   more Signets, by copies of the first one's configuration
package main
