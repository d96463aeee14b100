// Package sha256pair computes SHA-256 (FIPS 180-4) of two texts at once. On a
// processor with SHA instructions that takes little more than half the time of
// one after the other: the steps of one fill the time in which those of the
// other wait. Everywhere else, and in FIPS 140 mode, it is [crypto/sha256] twice.
package sha256pair
