// Package loadgen loads an HTTP/1.1 server over kept connections, in a closed
// loop (the next request follows the answer) or in an open one (requests arrive
// by a schedule, whatever the server does), and tells rates and latencies.
//
// It shares the machine with what it measures, so it is built to cost little and
// the same for every server: requests are written as they are, answers are only
// cut into status and body. It speaks the part of HTTP that Go's servers use, and
// no TLS.
package loadgen
