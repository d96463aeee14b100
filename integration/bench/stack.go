package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// stack is a running devstack and what is needed to ask both of its services.
type stack struct {
	cmd  *exec.Cmd
	dir  string
	done chan struct{} // closed when the devstack has ended
	exit error         // why, valid after done
	env  map[string]string

	vaultToken string // a token of the issuer's own role, as Signet's
}

// startStack runs bin/devstack with free ports in a directory of its own and
// waits for its env file.
func startStack(ctx context.Context, progress io.Writer) (*stack, error) {
	dir, err := os.MkdirTemp("", "signet-bench-")
	if err != nil {
		return nil, fmt.Errorf("making a directory: %w", err)
	}
	s := &stack{dir: dir, done: make(chan struct{})}
	port, ops, err := twoPorts()
	if err != nil {
		return nil, err
	}
	s.cmd = exec.Command("bin/devstack", "run") //nolint:noctx // stop ends it, with SIGTERM first
	s.cmd.Env = append(os.Environ(), "SIGNET_DEVSTACK_DIR="+dir, "SIGNET_PORT="+port, "SIGNET_OPS_PORT="+ops)
	output := &bytes.Buffer{}
	s.cmd.Stdout, s.cmd.Stderr = output, output
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	_, _ = fmt.Fprintln(progress, "starting Vault, Redis and Signet ...")
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting bin/devstack (run `make bench`, which builds it): %w", err)
	}
	go func() {
		s.exit = s.cmd.Wait()
		close(s.done)
	}()
	if err := s.waitReady(ctx, output); err != nil {
		s.stop()
		return nil, err
	}
	if err := s.login(ctx); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

func (s *stack) waitReady(ctx context.Context, output *bytes.Buffer) error {
	deadline := time.NewTimer(2 * time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if raw, err := os.ReadFile(filepath.Join(s.dir, "env")); err == nil {
			s.env = parseEnv(string(raw))
			return nil
		}
		select {
		case <-s.done:
			return fmt.Errorf("the devstack ended at start (%w):\n%s", s.exit, output)
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-deadline.C:
			return errors.New("the devstack was not ready within two minutes")
		case <-tick.C:
		}
	}
}

func parseEnv(text string) map[string]string {
	env := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		if ok {
			env[name] = strings.Trim(value, "'")
		}
	}
	return env
}

func (s *stack) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
	case <-time.After(20 * time.Second):
		_ = s.cmd.Process.Kill()
	}
	_ = os.RemoveAll(s.dir)
}

// login logs in to Vault as Signet does.
func (s *stack) login(ctx context.Context) error {
	role, err := os.ReadFile(filepath.Join(s.dir, "credentials", "role_id"))
	if err != nil {
		return fmt.Errorf("reading the role id: %w", err)
	}
	secret, err := os.ReadFile(filepath.Join(s.dir, "credentials", "secret_id"))
	if err != nil {
		return fmt.Errorf("reading the secret id: %w", err)
	}
	var login struct {
		Auth struct {
			ClientToken string `json:"client_token"`
		} `json:"auth"`
	}
	body := map[string]string{"role_id": strings.TrimSpace(string(role)), "secret_id": strings.TrimSpace(string(secret))}
	if err := s.askVault(ctx, "auth/approle/login", "", body, &login); err != nil {
		return fmt.Errorf("logging in: %w", err)
	}
	if login.Auth.ClientToken == "" {
		return errors.New("logging in: Vault's answer has no token")
	}
	s.vaultToken = login.Auth.ClientToken
	return nil
}

func twoPorts() (string, string, error) {
	var ports [2]string
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at once
		if err != nil {
			return "", "", fmt.Errorf("finding a free port: %w", err)
		}
		defer func() { _ = l.Close() }()
		_, ports[i], err = net.SplitHostPort(l.Addr().String())
		if err != nil {
			return "", "", fmt.Errorf("finding a free port: %w", err)
		}
	}
	return ports[0], ports[1], nil
}
