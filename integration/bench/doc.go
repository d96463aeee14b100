// Command bench measures Signet beside Vault itself: tokens per second by
// client_credentials against signatures per second by direct transit/sign
// calls with the same Vault token, in one run, interleaved, on one stack that
// it starts and stops (bin/devstack and bin/signet; `make bench` builds both).
//
// Only the ratios mean something: the load generator shares the machine.
package main
