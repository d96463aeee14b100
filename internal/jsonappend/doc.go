// Package jsonappend writes JSON values to the end of a byte slice, for the few
// places where each token pays for it. It is not an encoder: it knows no types.
package jsonappend
