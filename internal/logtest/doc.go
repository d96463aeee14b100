// Package logtest collects a log for a test to read while others still write.
// It is for tests only and knows nothing of the log's format.
package logtest
