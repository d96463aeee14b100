package procstat

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of CPU times in /proc: USER_HZ is 100 on every Linux that Go runs on.
const tick = time.Second / 100

// Usage is what a process has used so far.
type Usage struct {
	// CPU is user and system time together, in steps of 10 ms.
	CPU time.Duration
	// Resident is its memory now, Peak the most since its start or the last
	// ResetPeak, in bytes.
	Resident, Peak int64
}

// Read asks for a process's usage.
func Read(pid int) (Usage, error) {
	stat, err := os.ReadFile(file(pid, "stat"))
	if err != nil {
		return Usage{}, fmt.Errorf("reading what a process used: %w", err)
	}
	p, err := parseStat(stat)
	if err != nil {
		return Usage{}, err
	}
	status, err := os.ReadFile(file(pid, "status"))
	if err != nil {
		return Usage{}, fmt.Errorf("reading a process's memory: %w", err)
	}
	u := Usage{CPU: p.cpu}
	if u.Resident, err = memory(status, "VmRSS:"); err != nil {
		return Usage{}, err
	}
	u.Peak, err = memory(status, "VmHWM:")
	return u, err
}

// ResetPeak begins a new peak, at what is resident now.
func ResetPeak(pid int) error {
	if err := os.WriteFile(file(pid, "clear_refs"), []byte("5"), 0); err != nil {
		return fmt.Errorf("resetting a process's peak memory: %w", err)
	}
	return nil
}

// Child finds a process by its parent and its name, which Linux cuts to 15 bytes.
func Child(parent int, name string) (pid int, err error) {
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, fmt.Errorf("listing processes: %w", err)
	}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended meanwhile
		}
		if p, err := parseStat(raw); err == nil && p.parent == parent && p.name == name {
			return p.pid, nil
		}
	}
	return 0, fmt.Errorf("process %d has no child named %s", parent, name)
}

func file(pid int, name string) string { return filepath.Join("/proc", strconv.Itoa(pid), name) }

// process is a line of /proc/PID/stat.
type process struct {
	pid, parent int
	name        string
	cpu         time.Duration
}

var errStat = errors.New("/proc has a form that is not known")

// parseStat: the name, in brackets, may hold brackets and spaces itself.
func parseStat(line []byte) (process, error) {
	open, end := bytes.IndexByte(line, '('), bytes.LastIndexByte(line, ')')
	if open < 0 || end < open {
		return process{}, errStat
	}
	p := process{name: string(line[open+1 : end])}
	fields := strings.Fields(string(line[end+1:])) // from field 3 on
	if len(fields) < 13 {
		return process{}, errStat
	}
	var numbers [4]int
	for i, text := range []string{strings.TrimSpace(string(line[:open])), fields[1], fields[11], fields[12]} {
		n, err := strconv.Atoi(text)
		if err != nil {
			return process{}, fmt.Errorf("%w: %q", errStat, text)
		}
		numbers[i] = n
	}
	p.pid, p.parent = numbers[0], numbers[1]
	p.cpu = time.Duration(numbers[2]+numbers[3]) * tick
	return p, nil
}

// memory is a line of /proc/PID/status that tells kilobytes, in bytes.
func memory(status []byte, name string) (int64, error) {
	for line := range strings.Lines(string(status)) {
		fields := strings.Fields(line)
		if len(fields) == 3 && fields[0] == name && fields[2] == "kB" {
			n, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				return 0, fmt.Errorf("%w: %q", errStat, line)
			}
			return n << 10, nil
		}
	}
	return 0, fmt.Errorf("%w: no %s", errStat, name)
}
