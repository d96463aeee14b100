package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"text/tabwriter"
	"time"
)

// What reading an audit log must keep to.
const (
	leastTimesJQ  = 10.0
	mostAuditPeak = 200 << 20 // bytes
)

// jqFilter reads the same items as Signet does.
const jqFilter = `select(.type=="response" and (.request.path|startswith("transit/sign/"))) | .request.data.batch_input[] | [.input,.reference] | @tsv`

// auditResult is what reading Vault's log and the records takes.
type auditResult struct {
	LogBytes    int64      `json:"log_bytes"`
	RecordBytes int64      `json:"record_bytes"`
	Signatures  int        `json:"signatures"`
	Runs        []auditRun `json:"runs"`
	// NoJQ says why jq was not run, and nothing is compared with it.
	NoJQ string `json:"no_jq,omitempty"`
}

// auditRun is one process. Peak is the largest memory that it had at once.
type auditRun struct {
	Name string        `json:"name"`
	Wall time.Duration `json:"wall_ns"` // of the median round
	// Fastest and Slowest are of the other rounds.
	Fastest time.Duration `json:"wall_fastest_ns"`
	Slowest time.Duration `json:"wall_slowest_ns"`
	CPU     time.Duration `json:"cpu_ns"`
	Peak    int64         `json:"peak_bytes"`
	// TimesJQ is how many times as fast as jq it was, 0 if that is not known;
	// AtLeast and AtMost are the targets of it and of Peak, 0 for none.
	TimesJQ float64 `json:"times_jq,omitempty"`
	AtLeast float64 `json:"times_jq_at_least,omitempty"`
	AtMost  int64   `json:"peak_bytes_at_most,omitempty"`
}

func (r *auditRun) slow() bool  { return r.TimesJQ > 0 && r.TimesJQ < r.AtLeast }
func (r *auditRun) large() bool { return r.AtMost > 0 && r.Peak > r.AtMost }

// benchAudit writes a clear log and its records, and has each program read them.
func benchAudit(ctx context.Context, megabytes int, progress io.Writer) (out *auditResult, err error) {
	dir, err := os.MkdirTemp("", "signet-bench-audit-")
	if err != nil {
		return nil, fmt.Errorf("making a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	_, _ = fmt.Fprintf(progress, "writing an audit log of %d MB and its records ...\n", megabytes)
	files, err := writeAudit(dir, int64(megabytes)<<20)
	if err != nil {
		return nil, err
	}
	out = &auditResult{LogBytes: files.logBytes, RecordBytes: files.recordBytes, Signatures: files.signatures}
	return out, out.compare(ctx, auditPrograms(files, dir), progress)
}

// auditProgram is one of those that read the same log.
type auditProgram struct {
	name string
	args []string
}

// auditPrograms are jq and Signet's. jq's path is empty where it is not installed.
func auditPrograms(files auditFiles, dir string) []auditProgram {
	reconcile := []string{"bin/signet", "audit", "reconcile", "--config", files.config, "--vault-log", files.log, "--temp-dir", dir, "-o", "json"}
	for _, path := range files.records {
		reconcile = append(reconcile, "--records", path)
	}
	programs := []auditProgram{
		{"signet audit trace JTI", []string{"bin/signet", "audit", "trace", files.jti, "--config", files.config, "--vault-log", files.log}},
		{"signet audit reconcile", reconcile},
	}
	if path, err := exec.LookPath("jq"); err == nil {
		programs = slices.Insert(programs, 0, auditProgram{jqName, []string{path, "-r", jqFilter, files.log}})
	}
	return programs
}

const (
	jqName = "jq"
	// auditRounds is how often each program runs, in turns; the median counts.
	auditRounds = 3
)

// compare runs the programs in turns.
func (r *auditResult) compare(ctx context.Context, programs []auditProgram, progress io.Writer) error {
	runs := make([][]auditRun, len(programs))
	for round := range auditRounds {
		for i, p := range programs {
			_, _ = fmt.Fprintf(progress, "%s, round %d of %d ...\n", p.name, round+1, auditRounds)
			cmd := exec.CommandContext(ctx, p.args[0], p.args[1:]...)
			cmd.Env = []string{} // no Vault is asked
			run, err := measure(cmd)
			if err != nil {
				return err
			}
			run.Name = p.name
			runs[i] = append(runs[i], run)
		}
	}
	if programs[0].name != jqName {
		r.NoJQ = "jq is not installed, so that nothing is compared with it"
	}
	for i := range programs {
		run := medianRun(runs[i])
		if run.Name != jqName {
			run.AtLeast, run.AtMost = leastTimesJQ, mostAuditPeak
			if r.NoJQ == "" {
				run.TimesJQ = r.Runs[0].Wall.Seconds() / run.Wall.Seconds()
			}
		}
		r.Runs = append(r.Runs, run)
	}
	return nil
}

// medianRun is the run of the median time, with the largest memory of all.
func medianRun(runs []auditRun) auditRun {
	slices.SortFunc(runs, func(a, b auditRun) int { return cmp.Compare(a.Wall, b.Wall) })
	median := runs[len(runs)/2]
	median.Fastest, median.Slowest = runs[0].Wall, runs[len(runs)-1].Wall
	for i := range runs {
		median.Peak = max(median.Peak, runs[i].Peak)
	}
	return median
}

// measure runs a program to its end. Linux counts the memory that this process
// had when it began the other one as the other's, if it is more.
func measure(cmd *exec.Cmd) (run auditRun, err error) {
	var problem bytes.Buffer
	cmd.Stderr = &problem
	began := time.Now()
	err = cmd.Run()
	run.Wall = time.Since(began)
	if err != nil {
		return run, fmt.Errorf("running %s: %w\n%s", cmd.Path, err, problem.Bytes())
	}
	run.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		run.Peak = int64(usage.Maxrss) << 10 // Linux counts it in KiB
	}
	return run, nil
}

func printAudit(out io.Writer, r *auditResult) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(w, "%d MB of clear audit log, %d MB of records\twall\tCPU\tpeak memory\ttimes as fast as jq\ttargets\t\n", r.LogBytes>>20, r.RecordBytes>>20)
	for i := range r.Runs {
		one := &r.Runs[i]
		times, targets := "-", ""
		if one.TimesJQ > 0 {
			times = fmt.Sprintf("%.1f", one.TimesJQ)
		}
		if one.AtMost > 0 {
			targets = fmt.Sprintf(">= %.0f times%s, <= %d MB%s", one.AtLeast, missed(one.slow()), one.AtMost>>20, missed(one.large()))
		}
		_, _ = fmt.Fprintf(w, "%s\t%.2fs (%.2f-%.2f)\t%.2fs\t%d MB\t%s\t%s\t\n", one.Name, one.Wall.Seconds(), one.Fastest.Seconds(), one.Slowest.Seconds(), one.CPU.Seconds(), one.Peak>>20, times, targets)
	}
	if r.NoJQ != "" {
		_, _ = fmt.Fprintln(w, r.NoJQ)
	}
	return flush(w)
}

func (r *auditResult) judge() error {
	for i := range r.Runs {
		one := &r.Runs[i]
		if one.slow() {
			return fmt.Errorf("%w: %s is %.1f times as fast as jq, want at least %.0f", errMissed, one.Name, one.TimesJQ, one.AtLeast)
		}
		if one.large() {
			return fmt.Errorf("%w: %s had %d MB of memory, want at most %d", errMissed, one.Name, one.Peak>>20, one.AtMost>>20)
		}
	}
	return nil
}
