package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"signet/integration/bench/loadgen"
	"signet/integration/bench/procstat"
	"signet/internal/redistest"
)

// everything answers as Vault, Signet and the floor do, but signs nothing.
func everything(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(answers())
	t.Cleanup(server.Close)
	return server.URL
}

func answers() http.Handler {
	token := `{"access_token":"eyJhbGciOi","refresh_token":"` + strings.Repeat("t", refreshTokenLength) + `"}`
	mux := http.NewServeMux()
	answer := func(path, body string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
	}
	answer("POST /oauth2/token", token)
	mux.HandleFunc("POST /v1/tokens", func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Tokens []json.RawMessage `json:"tokens"`
		}
		_ = json.NewDecoder(r.Body).Decode(&body)
		_, _ = io.WriteString(w, strings.Repeat(token, max(1, len(body.Tokens))))
	})
	answer("POST /oauth2/introspect", `{"active":true}`)
	answer("GET /.well-known/jwks.json", `{"keys":[]}`)
	mux.HandleFunc("POST /v1/transit/sign/{key}", func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			BatchInput []json.RawMessage `json:"batch_input"`
		}
		_ = json.NewDecoder(r.Body).Decode(&body)
		_, _ = io.WriteString(w, strings.Repeat(vaultSignature+`x",`, max(1, len(body.BatchInput))))
	})
	mux.HandleFunc("POST /v1/sys/mounts/transit/tune", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	return mux
}

// TestTokens goes through the whole section in small, without servers that sign.
func TestTokens(t *testing.T) {
	t.Parallel()
	redis, ok := redistest.Start(t)
	if !ok {
		return
	}
	dir := t.TempDir()
	s, url := testStack(), everything(t)
	maps.Copy(s.env, map[string]string{
		"SIGNET_URL": url, "VAULT_ADDR": url, "REDIS_URL": "redis://" + redis,
		"SIGNET_VAULT_LOG": filepath.Join(dir, "vault.log"), "SIGNET_RECORDS": filepath.Join(dir, "records"),
	})
	if err := os.WriteFile(s.env["SIGNET_VAULT_LOG"], []byte("long"), 0o600); err != nil {
		t.Fatal(err)
	}
	var progress bytes.Buffer
	b := &tokenBench{
		tokenConfig: tokenConfig{levels: []int{mainLevel}, rounds: 1, length: 250 * time.Millisecond, quick: true}, stack: s,
		watch: &watch{pids: map[string]int{loadProcess: os.Getpid(), signetProcess: os.Getpid()}}, measured: map[at][]round{}, progress: &progress,
	}
	var err error
	if b.series, err = allSeries(t.Context(), s, s.host("SIGNET_URL")); err != nil {
		t.Fatal(err)
	}
	result, err := b.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, group := range plan(b.levels) {
		rows += len(group.members)
	}
	if len(result.Rows) != rows || len(result.Open) != 4 || len(result.Verdicts) < 4 || len(result.Processes) != 2 || result.Redis == nil {
		t.Errorf("%d rows of %d, %+v", len(result.Rows), rows, result)
	}
	for i := range result.Rows {
		if r := &result.Rows[i]; r.Rate.Median <= 0 || r.P99.Median < r.P50.Median || r.P999.Median < r.P99.Median || r.Peak <= 0 || len(r.CPU) != 2 {
			t.Errorf("%+v", r)
		}
	}
	if info, err := os.Stat(s.env["SIGNET_VAULT_LOG"]); err != nil || info.Size() > 0 {
		t.Errorf("%v, %v: the log is not emptied", info, err)
	}
	written(t, &results{Tokens: result})
}

// written looks at the files and the tables.
func written(t *testing.T, r *results) {
	t.Helper()
	o := options{json: filepath.Join(t.TempDir(), "json"), svg: filepath.Join(t.TempDir(), "svg")}
	var out bytes.Buffer
	if err := r.write(&out, o); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{direct, batches, lists, issuingRS256, "CPU µs each: vault", "80 %", "Redis has", "client_credentials over direct, rate"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	raw, err := os.ReadFile(o.json)
	if err != nil {
		t.Fatal(err)
	}
	var back results
	if err := json.Unmarshal(raw, &back); err != nil || len(back.Tokens.Rows) != len(r.Tokens.Rows) || back.Tokens.Rows[0].Rate != r.Tokens.Rows[0].Rate {
		t.Errorf("%v: %s", err, raw)
	}
	svg, err := os.ReadFile(o.svg)
	if err != nil || !bytes.Contains(svg, []byte("128 connections: ")) || bytes.Contains(svg, []byte("NaN")) {
		t.Errorf("%v: %s", err, svg)
	}
}

// TestShares: CPU time is shared out to signatures, not to answers.
func TestShares(t *testing.T) {
	t.Parallel()
	from := use{"vault": {CPU: time.Second, Peak: 9}, "ended": {}}
	to := use{"vault": {CPU: 3 * time.Second, Peak: 7}, "begun": procstat.Usage{CPU: 1}}
	r := newRound(loadgen.Result{Answers: 10, Rate: 5, P50: 1, P99: 2, P999: 3, Refused: 30}, 100, []use{from, to})
	if r.rate != 500 || r.p50 != 1 || r.cpu["vault"] != 2000 || len(r.cpu) != 1 || r.peak["vault"] != 7 || r.refused != 0.75 {
		t.Errorf("%+v", r)
	}
}

// TestTooManyRefused: refusals are no measurement.
func TestTooManyRefused(t *testing.T) {
	t.Parallel()
	n := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if n++; n%2 == 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = fmt.Fprint(w, "x")
	}))
	defer server.Close()
	b := &tokenBench{
		tokenConfig: tokenConfig{length: 100 * time.Millisecond}, watch: &watch{},
		series: map[string]series{direct: one(server.Listener.Addr().String(), []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "x")},
	}
	if _, err := b.measure(t.Context(), at{direct, 1}, 0); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("%v", err)
	}
}
