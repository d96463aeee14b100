package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"

	"signet/integration/bench/growth"
	"signet/integration/bench/loadgen"
)

// unit is what one request costs everybody. A signature for the row that asks Vault
// itself.
type unit struct {
	Name        string `json:"name"`
	Connections int    `json:"connections"`
	// Rate is how many a second.
	Rate float64 `json:"per_second"`
	// CPU time in µs of a core.
	Vault  float64 `json:"vault_us"`
	Signet float64 `json:"signet_us"`
	Redis  float64 `json:"redis_us"`
	// Log and Records are the bytes that they grow by.
	Log     float64 `json:"audit_log_bytes"`
	Records float64 `json:"record_bytes"`
	// Commands are those of Redis, within scripts too, RoundTrips those that it is asked
	// for. Batch are the signatures in a request to Vault.
	Commands   float64 `json:"redis_commands"`
	RoundTrips float64 `json:"redis_round_trips"`
	Batch      float64 `json:"batch"`
	// Sent and Received are the bytes of HTTP over a kept connection, without TLS and
	// the network's own.
	Sent     float64 `json:"sent_bytes"`
	Received float64 `json:"received_bytes"`
}

// kindsMeasured in the order of the table.
var kindsMeasured = []at{{credentials, mainLevel}, {issuing, mainLevel}, {refreshing, mainLevel}, {introspect, mainLevel}, {jwkSet, mainLevel}, {batches, batchConnections}}

// kinds measures each kind of request at the replica that runs.
func (b *scaleBench) kinds(ctx context.Context) error {
	all, err := allSeries(ctx, b.facing(), "")
	if err != nil {
		return err
	}
	for _, kind := range kindsMeasured {
		s := all[kind.series]
		rounds, err := b.load(ctx, kind.series, s, kind.connections)
		if err != nil {
			return err
		}
		caller, err := s.begin(ctx)
		if err != nil {
			return err
		}
		sent, received, err := wireSize(ctx, s.addr, caller())
		if err != nil {
			return err
		}
		b.result.Units = append(b.result.Units, newUnit(kind, rounds, float64(sent)/float64(s.each), float64(received)/float64(s.each)))
	}
	return nil
}

func newUnit(kind at, rounds []loaded, sent, received float64) unit {
	return unit{
		Name: kind.series, Connections: kind.connections, Rate: median(rounds, func(l loaded) float64 { return l.rate }),
		Vault: coreTime(rounds, vaultProcess), Signet: coreTime(rounds, signetProcess), Redis: coreTime(rounds, redisProcess),
		Log:        median(rounds, func(l loaded) float64 { return l.each.logBytes }),
		Records:    median(rounds, func(l loaded) float64 { return l.each.recordings }),
		Commands:   median(rounds, func(l loaded) float64 { return l.each.commands }),
		RoundTrips: median(rounds, func(l loaded) float64 { return l.each.roundTrips }),
		Batch:      median(rounds, ownBatch),
		Sent:       sent, Received: received,
	}
}

// ownBatch is the batch of a request that asks for signatures; 0 for others, for
// whose time the canaries alone were signed.
func ownBatch(l loaded) float64 {
	if l.each.signatures < leastShown {
		return 0
	}
	return l.batch
}

// wireSize is how long a request and its answer are, headers included: of the
// caller's second exchange, for the first of a session is a login.
func wireSize(ctx context.Context, addr string, call loadgen.Caller) (sent, received int, err error) {
	var answer []byte
	for range 2 {
		request, err := call(answer)
		if err != nil {
			return 0, 0, err
		}
		if answer, received, err = exchange(ctx, addr, request); err != nil {
			return 0, 0, err
		}
		sent = len(request)
	}
	return sent, received, nil
}

func exchange(ctx context.Context, addr string, request []byte) (body []byte, length int, err error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, 0, fmt.Errorf("connecting: %w", err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write(request); err != nil {
		return nil, 0, fmt.Errorf("sending a request: %w", err)
	}
	in := &counted{Reader: conn}
	resp, err := http.ReadResponse(bufio.NewReader(in), nil)
	if err != nil {
		return nil, 0, fmt.Errorf("reading an answer: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if body, err = io.ReadAll(resp.Body); err != nil {
		return nil, 0, fmt.Errorf("reading an answer: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, 0, fmt.Errorf("answered with %s: %.300s", resp.Status, body)
	}
	return body, in.n, nil
}

// counted counts what was read.
type counted struct {
	io.Reader

	n int
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += n
	return n, err //nolint:wrapcheck // it is an io.Reader
}

// leastShown is what a request may have to do with: the rest is what everybody does
// now and then, shared out.
const leastShown = 0.05

// unitRows is the table of all kinds.
func unitRows(units []unit) [][]string {
	rows := [][]string{{
		"one of", "connections", "a second", "Vault, core-µs", "Signet, core-µs", "Redis, core-µs", "audit log, bytes", "records, bytes",
		"Redis commands", "Redis round trips", "signatures in a request to Vault", "request, bytes", "answer, bytes",
	}}
	for _, u := range units {
		row := []string{u.Name, fmt.Sprint(u.Connections)}
		for _, v := range []float64{u.Rate, u.Vault, u.Signet, u.Redis, u.Log, u.Records, u.Commands, u.RoundTrips, u.Batch, u.Sent, u.Received} {
			if v < leastShown {
				row = append(row, "-")
				continue
			}
			row = append(row, growth.Figure(v))
		}
		rows = append(rows, row)
	}
	return rows
}
