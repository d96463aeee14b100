// Package redistest gives a test a real Redis server: the one that
// SIGNET_TEST_REDIS_ADDR names, or redis-server of this machine. Where there is
// neither, a test goes without; with SIGNET_TEST_STRICT set to anything it fails.
//
// It is for tests only. Servers that many tests share, containers and the
// stand-in for a machine without Redis are package integration's.
package redistest
