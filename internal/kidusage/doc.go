// Package kidusage counts which kids are still met: tokens issued, tokens
// introspected, and answers with a JWK set that a key was part of. An operator
// sees by it that the world has a new key before the old one goes.
//
// Every replica counts in memory and adds what it counted to a store that all
// share, each refresh interval. It is told of keys that exist and of no others,
// so a kid that somebody made up is never counted.
//
// It is no audit: a count may be a little too high after an answer of the store
// was lost, and what a killed process had not stored yet is missing.
package kidusage
