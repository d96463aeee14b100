// Package procstat reads what a process has used: CPU time, as Linux tells it below
// /proc (proc(5)) and by the process's clock, and memory. Elsewhere every function
// fails.
package procstat
