// Package journal writes issuance records where they are kept: to a file, to
// standard output, or to both. No signature is asked for before its record is
// written; what cannot be written is not signed.
//
// It reads no records but the last one of a file that it goes on with. It does
// not rotate files: whoever renames one gets a new one under the old name.
package journal
