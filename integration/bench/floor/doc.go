// Package floor is the least that a token service in Go can do, which Signet is
// measured beside: a bare net/http server, in a process of its own as Signet is, that
// signs with a key in its memory, asks nobody who calls and stores nothing.
package floor
