// Package manual is what an operator does to key rings by hand: list, rotate,
// retire, trim, and revoke, the emergency. Each is a plan, which is data to
// show, and then the plan done. When a version signs and when it may retire is
// package lifecycle's arithmetic.
//
// Nothing here has a lock on a ring: keepers, other operators and Vault's own
// rotation may act between any two requests. So every write is preceded by a
// look, only adds a version or raises a minimum, and is believed when a look
// shows it. Whatever is interrupted goes on when it is run again.
//
// It is not a keeper (package keeper): it never acts by itself, and never waits
// for a time to come. It knows no terminal and no token.
package manual
