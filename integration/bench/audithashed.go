package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"signet/audit/audithash"
	"signet/integration/bench/loadgen"
)

// hashedRow is what comparing a hashed log takes, where Vault is asked for the
// hash of each declaration.
type hashedRow struct {
	Declarations int     `json:"declarations"`
	InFlight     int     `json:"in_flight"`
	Reconcile    float64 `json:"declarations_per_second"`
	Hash         float64 `json:"audit_hash_per_second"`
	Ratio        float64 `json:"ratio"`
}

// benchHashed compares the stack's own log with its records. It comes before
// anything is signed directly, which would be found.
func benchHashed(ctx context.Context, s *stack, length time.Duration, progress io.Writer) (*hashedRow, error) {
	_, _ = fmt.Fprintln(progress, "issuing tokens, comparing Vault's hashed log with their records ...")
	if err := s.issue(ctx, mainLevel, length); err != nil {
		return nil, fmt.Errorf("client_credentials: %w", err)
	}
	row := &hashedRow{InFlight: audithash.DefaultInFlight}
	direct, err := s.hash(ctx, row.InFlight, length)
	if err != nil {
		return nil, fmt.Errorf("sys/audit-hash: %w", err)
	}
	cmd := exec.CommandContext(ctx, "bin/signet", "audit", "reconcile", "--config", s.env["SIGNET_CONFIG"], "--records", s.env["SIGNET_RECORDS"],
		"--vault-log", s.env["SIGNET_VAULT_LOG"], "-o", "json")
	cmd.Env = append(os.Environ(), "VAULT_ADDR="+s.env["VAULT_ADDR"], "VAULT_TOKEN="+s.env["VAULT_TOKEN"])
	var answer bytes.Buffer
	cmd.Stdout = &answer
	run, err := measure(cmd)
	if err != nil {
		return nil, fmt.Errorf("%w%s", err, answer.Bytes())
	}
	var said struct {
		Summary struct {
			Declarations int `json:"declarations"`
		} `json:"summary"`
	}
	if err := json.Unmarshal(answer.Bytes(), &said); err != nil {
		return nil, fmt.Errorf("reading what reconcile said: %w", err)
	}
	row.Declarations, row.Hash = said.Summary.Declarations, direct.Rate
	row.Reconcile = float64(row.Declarations) / run.Wall.Seconds()
	row.Ratio = row.Reconcile / row.Hash
	return row, nil
}

// issue and hash load the stack in a closed loop: tokens by client_credentials, and
// the hash of what an ES256 ring signs.
func (s *stack) issue(ctx context.Context, connections int, length time.Duration) error {
	request, err := s.forToken(ctx)
	if err != nil {
		return err
	}
	_, err = repeat(ctx, s.host("SIGNET_URL"), connections, length, same(request, accessToken, 1))
	return err
}

func (s *stack) hash(ctx context.Context, connections int, length time.Duration) (loadgen.Result, error) {
	request, err := s.toVault(ctx, "sys/audit-hash/"+audithash.DefaultDevice, s.env["VAULT_TOKEN"],
		map[string]string{"input": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="})
	if err != nil {
		return loadgen.Result{}, err
	}
	return repeat(ctx, s.host("VAULT_ADDR"), connections, length, same(request, `"hash":"hmac-sha256:`, 2)) // of this path Vault repeats the data outside of "data"
}

func repeat(ctx context.Context, addr string, connections int, length time.Duration, caller func() loadgen.Caller) (loadgen.Result, error) {
	return loadgen.Closed(ctx, loadgen.Config{
		Target: loadgen.Target{Addr: addr, NewCaller: caller}, Connections: connections, Warm: length / 5, Length: length,
	})
}

func printHashed(out io.Writer, r *hashedRow) error {
	_, err := fmt.Fprintf(out, "hashed audit log, %d declarations: %.0f declarations/s compared, %.0f sys/audit-hash/s with %d in flight, ratio %.2f\n",
		r.Declarations, r.Reconcile, r.Hash, r.InFlight, r.Ratio)
	if err != nil {
		return fmt.Errorf("writing the table: %w", err)
	}
	return nil
}
