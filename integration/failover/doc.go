// Package failover has only tests: sessions of running replicas while the
// primaries of their Redis are killed under load, with Sentinel and in a Cluster.
//
// Asserted is that
//
//   - a session is lost only if its creation overlaps a window around a kill.
//     The window opens when the test sends a marker that all replicas of the
//     primary then confirm (WAIT), and closes when the killed process is gone.
//     Replication is one stream, so what was acknowledged before the marker is
//     on every replica; and a process that is gone acknowledges nothing. In
//     between Redis acknowledges writes that it has not replicated yet. That is
//     narrower than "until the first answer after the kill": what is answered
//     later is already on the new primary;
//   - a chain of refresh tokens never forks: one token has one successor, whoever
//     asks and however often, and at the end the newest works and every older one
//     is refused;
//   - a caller sees only 200, 503 with Retry-After, and 400 invalid_grant for a
//     session that is lost; a 503 is cured by asking again with the same token;
//   - when Redis takes writes again, every replica answers 200 again soon after.
package failover
