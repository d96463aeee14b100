// Package regularfile reads small files that an operator names in a
// configuration. A named pipe, a device or a directory in such a place is refused
// at once: opening a pipe the usual way waits for a writer, for ever and without
// a word, and a device may have no end.
//
// It is not about trust: whoever may write the file may also replace it.
package regularfile
