//go:build race

package simulation

// raced: the race detector makes everything many times slower.
const raced = true
