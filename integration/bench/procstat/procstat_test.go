package procstat

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	t.Parallel()
	const rest = " S 17 42 42 0 -1 4194560 99 0 0 0 250 31 7 9 20 0 8 0 1000 1 2"
	for line, want := range map[string]process{
		"42 (signet)" + rest:  {42, 17, "signet", 2810 * time.Millisecond},
		"42 (a) b (c)" + rest: {42, 17, "a) b (c", 2810 * time.Millisecond},
		"":                    {},
		"42 (signet) S 17":    {},
		"x (signet)" + rest:   {},
		"42 )signet(" + rest:  {},
		"42 (signet) S x 42 42 0 -1 4194560 99 0 0 0 250 31 7": {},
	} {
		got, err := parseStat([]byte(line))
		if (err == nil) != (want.pid > 0) || err == nil && got != want {
			t.Errorf("%q: %+v, %v", line, got, err)
		}
	}
}

func TestMemory(t *testing.T) {
	t.Parallel()
	const status = "Name:\tsignet\nVmHWM:\t   40960 kB\nVmRSS:\t 20480 kB\nVmData:\t1 MB\n"
	for name, want := range map[string]int64{"VmHWM:": 40 << 20, "VmRSS:": 20 << 20, "VmData:": 0, "VmSwap:": 0, "Name:": 0} {
		if got, err := memory([]byte(status), name); got != want || (err == nil) != (want > 0) {
			t.Errorf("%s %d, %v", name, got, err)
		}
	}
}

// TestOwn: this process is found, works, and has memory.
func TestOwn(t *testing.T) {
	t.Parallel()
	before, err := Read(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if before.Resident <= 0 || before.Peak < before.Resident {
		t.Errorf("%+v", before)
	}
	for now := before; now.CPU < before.CPU+2*tick; { // ends: reading costs CPU time itself
		if now, err = Read(os.Getpid()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Read(0); err == nil {
		t.Error("process 0 was read")
	}
}

func TestChildAndItsPeak(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	pid, err := Child(os.Getpid(), "sleep")
	if err != nil || pid != cmd.Process.Pid {
		t.Errorf("child %d, %v, want %d", pid, err, cmd.Process.Pid)
	}
	if err := ResetPeak(pid); err != nil {
		t.Errorf("%v", err)
	}
	if _, err := Child(os.Getpid(), "nobody"); err == nil {
		t.Error("a child that there is not")
	}
}

// TestCPUTime: the clock tells the same as Read, which rounds down.
func TestCPUTime(t *testing.T) {
	t.Parallel()
	u, err := Read(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	first, err := CPUTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if first < u.CPU-2*tick || first > u.CPU+time.Second {
		t.Errorf("%s by the clock, %s by /proc", first, u.CPU)
	}
	for second := first; second == first; {
		if second, err = CPUTime(os.Getpid()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := CPUTime(1 << 22); err == nil {
		t.Error("a process that is not there has a clock")
	}
}
