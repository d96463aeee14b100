package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"syscall"
	"time"

	"golang.org/x/net/netutil"

	"signet/config"
)

// maxConnections bounds the public listener; whoever comes beyond waits in the
// kernel's queue instead of in our memory.
const maxConnections = 8192

// connectionLimit leaves files for Vault, Redis, the ops listener and the files
// that are read while running, where the process may open few: idle callers must
// not take the probes away.
func connectionLimit(files uint64) int {
	const reserve, least = 256, 64
	if files >= maxConnections+reserve {
		return maxConnections
	}
	return max(least, int(files)-reserve)
}

// openFiles is how many files the process may open.
func openFiles() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return math.MaxUint64 // then it has no limit that we could keep
	}
	return limit.Cur
}

// listener is where a server accepts, and how.
type listener struct {
	listener net.Listener
	tls      *tls.Config // nil for plain HTTP
}

func listenPublic(ctx context.Context, c config.Listen, logger *slog.Logger) (listener, error) {
	var l listener
	if c.TLS.Cert != "" {
		certificate, err := newCertificate(c.TLS, logger)
		if err != nil {
			return l, err
		}
		l.tls = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: certificate.get}
	}
	inner, err := listenTCP(ctx, c.Address, "listen.address")
	if err != nil {
		return l, err
	}
	files := openFiles()
	connections := connectionLimit(files)
	if connections < maxConnections {
		logger.WarnContext(ctx, "fewer connections than usual: the process may open few files", "connections", connections,
			"usual", maxConnections, "open_files", files, "remedy", "raise its limit of open files (RLIMIT_NOFILE)")
	}
	l.listener = netutil.LimitListener(inner, connections)
	return l, nil
}

func listenTCP(ctx context.Context, address, field string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening (%s): %w", field, err)
	}
	return l, nil
}

// newHTTPServer has every limit that net/http leaves open: a slow or silent
// caller must not hold a connection for ever.
func newHTTPServer(handler http.Handler, logger *slog.Logger) *http.Server {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      config.RequestDeadline + 10*time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: 250},
	}
	new(unused).watch(server)
	return server
}
