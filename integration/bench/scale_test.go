package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/clients"
	"signet/integration/bench/growth"
	"signet/internal/redistest"
)

// testScale is the section's bench with this program for Signet.
func testScale(t *testing.T, redisAddr string) *scaleBench {
	t.Helper()
	dir := t.TempDir()
	s, url := testStack(), everything(t)
	s.dir = dir
	maps.Copy(s.env, map[string]string{
		"SIGNET_URL": url, "VAULT_ADDR": url, "REDIS_URL": "redis://" + redisAddr, "SIGNET_CONFIG": filepath.Join(dir, "signet.yaml"),
		"SIGNET_VAULT_LOG": filepath.Join(dir, "vault.log"), "SIGNET_RECORDS": filepath.Join(dir, "records"),
	})
	for name, text := range map[string]string{
		"signet.yaml": "rings: [{name: signet-es256}]\n", "vault.log": "long",
		"clients.yaml": "clients:\n  - id: demo\n    secrets: [\"sha256:SA6fUyUOPD_r0IfUf4v9GKbVZedMEepkDE7o9yNiuuw\"]\n    grants: [client_credentials, refresh_token, issue]\n" +
			"    subjects: [\"*\", \"user:*\"]\n    audiences: [\"https://api.example.com\", \"https://billing.example.com\"]\n    scopes: [profile, \"orders:*\"]\n    claims: [tenant, roles]\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cfg := scaleConfig{rounds: 1, length: 200 * time.Millisecond, idle: 50 * time.Millisecond, quick: true}
	b, err := newScaleBench(s, &watch{pids: map[string]int{loadProcess: os.Getpid(), vaultProcess: os.Getpid()}}, self, cfg, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.redis.Close() })
	return b
}

// TestScale goes through the whole section in small, without servers that sign.
func TestScale(t *testing.T) {
	t.Parallel()
	addr, ok := redistest.Start(t)
	if !ok {
		return
	}
	b := testScale(t, addr)
	sizes := scaleSizes{[]int{1, 2}, []int{2, 20}, []int{1, 3}, []int{1, 4}}
	for _, axis := range []func(context.Context, scaleSizes) error{b.byConnections, b.byReplicas, b.byClients, b.byRings} {
		if err := axis(t.Context(), sizes); err != nil {
			t.Fatal(err)
		}
	}
	sessions := &growth.Axis{Name: "sessions"}
	// Its Redis is still empty: these replicas do not use it.
	if err := sessionsAt(t.Context(), sessions, sessionConfig{Redis: addr, Sessions: 1000}, io.Discard); err != nil {
		t.Fatal(err)
	}
	b.done(sessions)
	if len(b.result.Axes) != 5 || len(b.result.Units) != len(kindsMeasured) {
		t.Fatalf("%+v", b.result)
	}
	for _, axis := range b.result.Axes {
		for _, line := range axis.Lines {
			if len(line.Values) != len(axis.Sizes) {
				t.Errorf("%s: %s at %d of %d sizes", axis.Name, line.Name, len(line.Values), len(axis.Sizes))
			}
			if line.Judged {
				t.Errorf("%s: %s is judged in short rounds", axis.Name, line.Name)
			}
		}
	}
	if u := b.result.Units[0]; u.Rate <= 0 || u.Records < 5 || u.Records > 15 || u.Batch != 8 || u.Sent < 100 || u.Received < 100 {
		t.Errorf("%+v", u)
	}
	if b.replicas != nil {
		t.Errorf("%d replicas run on", len(b.replicas))
	}
	scaleWritten(t, &b.result)
}

// scaleWritten looks at the tables, the page and the file of figures.
func scaleWritten(t *testing.T, r *scaleResult) {
	t.Helper()
	o := options{json: filepath.Join(t.TempDir(), "json"), page: filepath.Join(t.TempDir(), "page.md")}
	if err := os.WriteFile(o.page, []byte("before\n<!-- bench-scale -->\nold\n<!-- end of bench-scale -->\nafter\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := (&results{Scale: r}).write(&out, o); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(o.page)
	if err != nil || bytes.Contains(page, []byte("old")) || !bytes.HasPrefix(page, []byte("before\n")) || !bytes.HasSuffix(page, []byte("after\n")) {
		t.Errorf("%v: %s", err, page)
	}
	for _, want := range []string{"By replicas", "JWK set, bytes", refreshing, "idle: Vault requests/s", "Redis, bytes a session"} {
		if !strings.Contains(out.String(), want) || !strings.Contains(string(page), want) {
			t.Errorf("no %q in\n%s\nor\n%s", want, out.String(), page)
		}
	}
	raw, err := os.ReadFile(o.json)
	if err != nil {
		t.Fatal(err)
	}
	var back results
	if err := json.Unmarshal(raw, &back); err != nil || len(back.Scale.Axes) != len(r.Axes) || !slices.Equal(back.Scale.Axes[0].Lines[0].Values, r.Axes[0].Lines[0].Values) {
		t.Errorf("%v: %s", err, raw)
	}
	if err := r.writePage(o.json); err == nil {
		t.Error("a file without the marks was written")
	}
}

// TestScaleMissed: a cost that grows faster than it may ends the run as a target does.
func TestScaleMissed(t *testing.T) {
	t.Parallel()
	axis := &growth.Axis{Name: "rings"}
	for _, n := range []int{1, 10} {
		axis.At(n).Cost("MB", 1, float64(n*n))
	}
	axis.Judge(true)
	r := results{Scale: &scaleResult{Axes: []*growth.Axis{axis}}}
	if err := r.judge(); !errors.Is(err, errMissed) || !strings.Contains(err.Error(), "MB grows with rings^2.00") {
		t.Errorf("%v", err)
	}
}

// TestClientsFile: clients are in it as they authenticate, and the most that are
// measured fit into the largest file that is read.
func TestClientsFile(t *testing.T) {
	t.Parallel()
	b := testScale(t, "127.0.0.1:1")
	sizes := (&scaleConfig{}).sizes()
	n := slices.Max(sizes.clients)
	file, err := b.newClientsFile(n)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(file.add(), file.write()); err != nil { // as when the change is measured
		t.Fatal(err)
	}
	registry, err := clients.Open(clients.Config{Path: file.path})
	if err != nil {
		t.Fatal(err)
	}
	if registry.Len() != n+1 {
		t.Errorf("%d clients, want %d", registry.Len(), n+1)
	}
	request, err := file.request(t.Context(), n-1)
	if err != nil {
		t.Fatal(err)
	}
	req, _ := parse(t, request)
	id, secret, _ := req.BasicAuth()
	if _, err := registry.Authenticate(id, secret); err != nil {
		t.Errorf("%s: %v", id, err)
	}
}

// TestShareOut: what was counted is divided by the answers of the same time.
func TestShareOut(t *testing.T) {
	t.Parallel()
	before := counters{answers: 5, signatures: 10, batches: 2, logBytes: 100}
	total := counters{answers: 15, signatures: 110, batches: 4, logBytes: 1100, recordings: 40, redisWork: redisWork{commands: 20, roundTrips: 10, cpu: 300}}.since(before)
	l, err := newLoaded(round{cpu: map[string]float64{redisProcess: 9}}, total)
	if err != nil || l.batch != 50 || l.each.logBytes != 100 || l.each.recordings != 4 || l.each.commands != 2 || l.each.roundTrips != 1 || l.cpu[redisProcess] != 30 {
		t.Errorf("%+v", l)
	}
	if l, err := newLoaded(round{cpu: map[string]float64{redisProcess: 9}}, counters{}); err == nil {
		t.Errorf("nothing was counted: %+v", l)
	}
}

// TestCapacity: the arithmetic is what the page says it is, and is left out where a
// figure is missing.
func TestCapacity(t *testing.T) {
	t.Parallel()
	sessions := &growth.Axis{Name: "sessions"}
	sessions.At(1000).Cost("Redis, bytes a session", 1, 600)
	r := &scaleResult{Axes: []*growth.Axis{sessions}, Units: []unit{
		{Name: credentials, Vault: 80, Signet: 60, Log: 700, Records: 500, Sent: 300, Received: 700},
		{Name: refreshing, Vault: 120, Signet: 180, Redis: 50, Commands: 10, RoundTrips: 4},
		{Name: introspect, Signet: 200},
		{Name: jwkSet, Signet: 20},
		{Name: batches, Sent: 100, Received: 150},
	}}
	text := growth.Markdown(capacityRows(r))
	for _, want := range []string{
		"| Vault, its active node | 100,000 × 80 µs; busy to 60 % | 8 cores; 13.3 |",
		"| Vault's audit log | 100,000 × 700 bytes | 70 MB/s, 0.56 Gbit/s, 6.05 TB a day |",
		"| tokens/s that one core of Vault signs | 1,000,000 / 80 µs | 12,500 |",
		"| if all are refreshes: round trips to Redis a second | 100,000 × 4 | 400,000 |",
		"| Redis memory of 10 million sessions, GB | 10,000,000 × 600 bytes | 6 |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	r.Units = r.Units[:4]
	if rows := capacityRows(r); rows != nil {
		t.Errorf("arithmetic without figures: %v", rows)
	}
}

// TestAffordable: more connections than files may be open are left out, and said so.
func TestAffordable(t *testing.T) {
	t.Parallel()
	some, note := affordable([]int{1, 1 << 40})
	if len(some) != 1 || !strings.Contains(note, "ulimit -n") {
		t.Errorf("%v, %q", some, note)
	}
}
