package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"signet/audit/journal"
	"signet/integration/bench/loadgen"
	"signet/signer"
	"signet/vaultkeys"
	"signet/vaultkeys/lifecycle"
	"signet/vaultkeys/vaultapi"
)

// leastWithRecords is the part of the throughput that records must leave.
const leastWithRecords = 0.9

// recordRow is what records cost: the same signing with and without them, in one
// process and on one Vault. HTTP and policy are not in it, so a service loses less.
type recordRow struct {
	Fsync   string  `json:"fsync"`
	Callers int     `json:"callers"`
	Without spread  `json:"without_per_second"`
	With    spread  `json:"with_per_second"`
	P50     spread  `json:"with_p50_ns"`
	P99     spread  `json:"with_p99_ns"`
	Ratio   spread  `json:"ratio"`
	AtLeast float64 `json:"at_least,omitempty"`
}

func (r *recordRow) missed() bool { return r.Ratio.Median < r.AtLeast }

// benchRecords alternates between signing with records and without.
func benchRecords(ctx context.Context, s *stack, rounds int, length time.Duration, progress io.Writer) ([]recordRow, error) {
	var rows []recordRow
	for _, fsync := range []journal.Fsync{journal.EverySecond, journal.Always} {
		row := recordRow{Fsync: string(fsync), Callers: 128}
		if fsync == journal.EverySecond { // the default; the other one is the disk's figure
			row.AtLeast = leastWithRecords
		}
		var without, with []loadgen.Result
		for round := range rounds {
			_, _ = fmt.Fprintf(progress, "records, fsync %s, round %d of %d\n", fsync, round+1, rounds)
			plain, err := s.signFor(ctx, row.Callers, length, nil)
			if err != nil {
				return nil, err
			}
			j, err := journal.Open(journal.Config{
				Replica: "bench", File: filepath.Join(s.dir, fmt.Sprintf("records-%s-%d", fsync, round)), Fsync: fsync,
			})
			if err != nil {
				return nil, err
			}
			recorded, err := s.signFor(ctx, row.Callers, length, j)
			if err == nil {
				err = j.Close()
			}
			if err != nil {
				return nil, err
			}
			without, with = append(without, plain), append(with, recorded)
		}
		rate := func(r loadgen.Result) float64 { return r.Rate }
		row.Without, row.With, row.Ratio = spreadBy(without, rate), spreadBy(with, rate), ratios(with, without, rate)
		row.P50 = spreadBy(with, func(r loadgen.Result) float64 { return float64(r.P50) })
		row.P99 = spreadBy(with, func(r loadgen.Result) float64 { return float64(r.P99) })
		rows = append(rows, row)
	}
	return rows, nil
}

// wholeSeconds rounds a length up: each second has one fsync.
func wholeSeconds(length time.Duration) time.Duration {
	return (length + time.Second - 1).Truncate(time.Second)
}

// signFor signs in a closed loop with so many callers; j is nil for no records.
func (s *stack) signFor(ctx context.Context, callers int, length time.Duration, j *journal.Journal) (loadgen.Result, error) {
	sign, end, err := s.signer(ctx, j)
	if err != nil {
		return loadgen.Result{}, err
	}
	defer end()
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	if j != nil {
		go func() { _ = j.Run(running) }()
	}
	warm := time.Now().Add(length / 5)
	stop := warm.Add(length)
	var ids atomic.Int64
	latencies, errs := make([][]time.Duration, callers), make([]error, callers)
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			for time.Now().Before(stop) && errs[i] == nil {
				began := time.Now()
				errs[i] = sign(ctx, strconv.FormatInt(ids.Add(1), 10))
				if took := time.Since(began); began.After(warm) && began.Add(took).Before(stop) {
					latencies[i] = append(latencies[i], took)
				}
			}
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return loadgen.Result{}, fmt.Errorf("signing with and without records: %w", err)
		}
	}
	return loadgen.Summarise(latencies, length)
}

// signer signs tokens of the stack's first ring, as `signet serve` does.
func (s *stack) signer(ctx context.Context, j *journal.Journal) (sign func(context.Context, string) error, end func(), err error) {
	conn, err := vaultapi.New(vaultapi.Config{
		Address: s.env["VAULT_ADDR"], Login: vaultapi.Token(func() (string, error) { return s.vaultToken, nil }),
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, nil, err
	}
	ring := s.env["SIGNET_RING"]
	rings := vaultkeys.NewRings(vaultkeys.RingsConfig{Vault: conn, Rings: []vaultkeys.RingConfig{{
		Name: ring, Algorithm: signer.ES256,
		Policy: lifecycle.Policy{PublishDelay: time.Hour, MaxTTL: time.Hour, RotationPeriod: 24 * time.Hour, RetireMargin: time.Minute},
	}}})
	if err := rings.Load(ctx); err != nil {
		return nil, nil, err
	}
	cfg := vaultkeys.BatcherConfig{Vault: conn}
	if j != nil {
		cfg.Journal = j
	}
	batcher := vaultkeys.NewBatcher(cfg)
	signs := signer.New(signer.Config{Keys: rings, Backend: batcher, Issuer: "https://tokens.example.com"})
	claims := signer.Claims{
		Subject: "orders", ClientID: "orders", Audience: []string{"https://billing.example.com"}, Scope: "billing:read",
		IssuedAt: time.Now(), Expiry: time.Now().Add(5 * time.Minute),
	}
	origin := signer.Origin{Grant: "client_credentials", Auth: "client_secret_basic", Remote: "127.0.0.1", TraceID: "4bf92f3577b34da6a3ce929d0e0e4736"}
	return func(ctx context.Context, id string) error {
		c := claims
		c.ID = "0123456789012345" + id
		_, err := signs.Sign(ctx, ring, c, origin)
		return err
	}, func() { _ = batcher.Close(context.WithoutCancel(ctx)) }, nil
}

func printRecords(out io.Writer, rows []recordRow) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(w, "records, fsync\tcallers\twithout, tokens/s\twith, tokens/s\tp50\tp99\tratio\ttarget\t")
	for i := range rows {
		r := &rows[i]
		target := ""
		if r.AtLeast > 0 {
			target = fmt.Sprintf(">= %.2f%s", r.AtLeast, missed(r.missed()))
		}
		_, _ = fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t\n", r.Fsync, r.Callers, r.Without.written("%.0f"), r.With.written("%.0f"),
			short(time.Duration(r.P50.Median)), short(time.Duration(r.P99.Median)), r.Ratio.written("%.2f"), target)
	}
	return flush(w)
}
