package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// TestMain lets this program stand for bin/signet, which the section of scale starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 3 && os.Args[1] == "serve" {
		if err := fakeSignet(os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if len(os.Args) > 1 && os.Args[1] == "vault" {
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// fakeSignet listens where the configuration says, writes a record for each token,
// and counts; it signs nothing.
func fakeSignet(path string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var c struct {
		Listen, Ops struct{ Address string }
		Audit       struct{ File string }
	}
	if err := yaml.Unmarshal(raw, &c); err != nil {
		return err
	}
	records, err := os.Create(c.Audit.File)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var served atomic.Int64
	pages := answers()
	public := &http.Server{Addr: c.Listen.Address, ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served.Add(1)
		_, _ = io.WriteString(records, "0123456789")
		pages.ServeHTTP(w, r)
	})}
	ops := &http.Server{Addr: c.Ops.Address, ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := served.Load()
		if r.URL.Path == "/metrics" {
			_, _ = fmt.Fprintf(w, "signet_http_requests_total{status=\"200\"} %d\nsignet_sign_batch_size_sum %d\nsignet_sign_batch_size_count %d\nsignet_vault_requests_total{} %d\nsignet_vault_check_findings 0\n", n, 8*n, n, n)
		}
	})}
	failed := make(chan error, 2)
	for _, server := range []*http.Server{public, ops} {
		go func() { failed <- server.ListenAndServe() }()
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return nil
	}
}
