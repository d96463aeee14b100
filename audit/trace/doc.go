// Package trace follows one token into Vault's audit log: who signed it, when,
// with which version of which key, in which request; beside it what the issuance
// records say, and where a session's tokens came from.
//
// It goes by what was signed, not by what a token says of itself, and it does
// not verify the token: it answers where a signature came from, also of a token
// that is long over. It never repeats the token, nor its claims beyond jti, sid,
// iat and exp. Whether the records as a whole fit the log is for reconcile.
package trace
