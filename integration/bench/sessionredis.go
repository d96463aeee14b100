package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"signet/internal/sharedstate"
)

// startRedis runs redis-server with a free port and nothing on disk, until stop.
func startRedis(ctx context.Context) (addr string, stop func(), err error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return "", nil, errors.New("this machine has no redis-server: install one, or name an empty Redis with -redis HOST:PORT")
	}
	port, _, err := twoPorts()
	if err != nil {
		return "", nil, err
	}
	dir, err := os.MkdirTemp("", "signet-bench-redis-")
	if err != nil {
		return "", nil, fmt.Errorf("making a directory: %w", err)
	}
	cmd := exec.Command(path, "--bind", "127.0.0.1", "--port", port, "--save", "", "--dir", dir) //nolint:noctx // stop ends it
	output := &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		_ = os.RemoveAll(dir)
		return "", nil, fmt.Errorf("starting redis-server: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // "signal: killed" is what stop asks for
		close(ended)
	}()
	stop = func() {
		_ = cmd.Process.Kill()
		<-ended
		_ = os.RemoveAll(dir)
	}
	addr = net.JoinHostPort("127.0.0.1", port)
	if err := awaitRedis(ctx, addr, ended); err != nil {
		stop()
		return "", nil, fmt.Errorf("%w:\n%s", err, output)
	}
	return addr, stop, nil
}

func awaitRedis(ctx context.Context, addr string, ended <-chan struct{}) error {
	client := patient(addr)
	defer func() { _ = client.Close() }()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for client.Ping(ctx).Err() != nil {
		select {
		case <-ended:
			return errors.New("redis-server ended at start")
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-deadline.C:
			return errors.New("redis-server was not ready within 20 seconds")
		case <-tick.C:
		}
	}
	return nil
}

// patient is a client that waits for a machine that is busy: what takes long
// shall be measured, not end the measurement.
func patient(addr string) *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr: addr, MaxRetries: -1, ContextTimeoutEnabled: true, PoolSize: 64,
		DialTimeout: patience, ReadTimeout: patience, WriteTimeout: patience, PoolTimeout: patience,
	})
}

const patience = 30 * time.Second

// asServed is the client that `signet serve` has.
func asServed(addr string) (sharedstate.Client, error) {
	return sharedstate.Open(sharedstate.Config{Addresses: []string{addr}})
}
