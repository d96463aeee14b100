package procstat

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// CPUTime is the CPU time of a process so far, by its clock, which is finer than the
// steps of Read: what an idle process does in some seconds is less than a few of them.
func CPUTime(pid int) (time.Duration, error) {
	// The number of a process's clock, as clock_getcpuclockid(3) makes it.
	const scheduled = 2
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|scheduled), &t); err != nil {
		return 0, fmt.Errorf("reading the clock of process %d: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
}
