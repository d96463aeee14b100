package main

import (
	"os"
	"time"

	"signet/integration/bench/procstat"
)

// The processes that share the machine.
const (
	vaultProcess  = "vault"
	redisProcess  = "redis"
	signetProcess = "signet"
	floorProcess  = "floor"
	loadProcess   = "load"
)

// processes in the order of the tables.
var processes = []string{vaultProcess, redisProcess, signetProcess, floorProcess, loadProcess}

// watch reads what the processes use.
type watch struct {
	pids map[string]int
	// note says what cannot be told on this machine; empty for nothing.
	note string
}

// use is what each process has used, by its name.
type use map[string]procstat.Usage

// watchAll finds the processes. A devstack without redis-server has Redis within
// itself, beside Vault.
func watchAll(devstack, floor int) *watch {
	w := &watch{pids: map[string]int{vaultProcess: devstack, floorProcess: floor, loadProcess: os.Getpid()}}
	if _, err := procstat.Read(os.Getpid()); err != nil {
		return &watch{note: "CPU time and memory are not available on this machine: " + err.Error()}
	}
	signet, err := procstat.Child(devstack, "signet")
	if err != nil {
		return &watch{note: "CPU time and memory are not told, for Signet's process is not found: " + err.Error()}
	}
	w.pids[signetProcess] = signet
	if redis, err := procstat.Child(devstack, "redis-server"); err == nil {
		w.pids[redisProcess] = redis
	} else {
		w.note = "Redis is embedded in the devstack's process: what it uses is counted as Vault's."
	}
	return w
}

// read is what all have used until now. A process that has ended is left out: who
// asked it for something finds out.
func (w *watch) read() use {
	now := use{}
	for name, pid := range w.pids {
		if u, err := procstat.Read(pid); err == nil {
			now[name] = u
		}
	}
	return now
}

// resetPeaks begins new peaks where Linux allows it; else peaks are those since
// the start, which are no less.
func (w *watch) resetPeaks() {
	for _, pid := range w.pids {
		_ = procstat.ResetPeak(pid)
	}
}

// spent is the CPU time between two readings.
func spent(from, to use) map[string]time.Duration {
	cpu := map[string]time.Duration{}
	for name, u := range to {
		if before, ok := from[name]; ok {
			cpu[name] = u.CPU - before.CPU
		}
	}
	return cpu
}
