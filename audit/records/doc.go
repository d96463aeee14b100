// Package records reads issuance records back: plain and gzip files of several
// replicas, in any order, and follows the chain that each replica's records make.
//
// A reader gets every record that can be read, in the order of its chain, and
// apart from that what is wrong: a chain that is broken, a line that is no
// record. It does not judge what a record says, and cannot see that records
// were cut off at the end of the last file: only Vault's own log shows that.
package records
