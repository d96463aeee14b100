//go:build race

package integration

// raceEnabled: the harness builds Signet with the race detector when its own
// test binary has it, or half of the code under test would run unwatched.
const raceEnabled = true
