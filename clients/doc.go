// Package clients says who may ask for what: a YAML registry of clients with
// their secrets' hashes and their policy, reloaded when the file changes.
//
// Everything fails closed: a client without secrets cannot authenticate, one
// that may issue but lists no subjects can issue for nobody, and a bad file
// never replaces a good one. It is not a store of sessions or tokens, and it
// knows neither HTTP nor which request a decision is for.
//
// Client ids are 1 to 128 of A-Z a-z 0-9 . _ ~ @ / and -. There is no colon in
// them, because HTTP Basic ends the id at the first one and many libraries do
// not form-encode it as RFC 6749 section 2.3.1 demands.
//
// In subjects and scopes, * stands for one or more characters other than : and
// /, everything else for itself, and a pattern must match as a whole. A value
// that itself contains * is never allowed.
package clients
