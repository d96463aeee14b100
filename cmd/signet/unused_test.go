package main

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"
)

// TestShutdownDoesNotWaitForUnusedConnections: one that a load balancer holds in
// reserve costs a grace, not the whole deadline.
func TestShutdownDoesNotWaitForUnusedConnections(t *testing.T) {
	t.Parallel()
	server := newHTTPServer(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	inner, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan struct{})
	track := server.ConnState
	server.ConnState = func(c net.Conn, state http.ConnState) {
		track(c, state)
		if state == http.StateNew {
			close(accepted)
		}
	}
	served := make(chan error, 1)
	go func() { served <- serveOn(server, listener{listener: inner}) }()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	<-accepted

	// net/http itself would wait five seconds.
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		t.Errorf("shutting down with one unused connection: %v", err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}
