// Package strictjson reads JSON that must mean the same to every reader: a token
// that others verify, a request whose restriction must not be lost. It is
// stricter than encoding/json: no name twice in an object at any depth
// (RFC 7515 section 4, RFC 7519 section 4), no invalid UTF-8, no lone surrogate
// (RFC 8259 section 8.2), no number beyond a double (section 6), no byte order
// mark, nothing after the value, and nesting only to a depth that the caller sets.
//
// It is not a decoder into Go types: [ParseObject] splits an object into its
// members, and a [Member] whose value is a string, a list of strings or a number
// can be read; what other values mean is the caller's business.
package strictjson
