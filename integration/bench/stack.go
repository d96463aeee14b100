package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
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
	direct     []byte // one transit/sign body
	form       string
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
	if err := s.prepare(ctx); err != nil {
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

// prepare logs in as Signet does and builds the two requests once.
func (s *stack) prepare(ctx context.Context) error {
	role, err := os.ReadFile(filepath.Join(s.dir, "credentials", "role_id"))
	if err != nil {
		return fmt.Errorf("reading the role id: %w", err)
	}
	secret, err := os.ReadFile(filepath.Join(s.dir, "credentials", "secret_id"))
	if err != nil {
		return fmt.Errorf("reading the secret id: %w", err)
	}
	body, err := json.Marshal(map[string]string{"role_id": strings.TrimSpace(string(role)), "secret_id": strings.TrimSpace(string(secret))})
	if err != nil {
		return fmt.Errorf("encoding the login: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.env["VAULT_ADDR"]+"/v1/auth/approle/login", bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("building the login: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("logging in: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	var login struct {
		Auth struct {
			ClientToken string `json:"client_token"`
		} `json:"auth"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&login); err != nil || login.Auth.ClientToken == "" {
		return fmt.Errorf("logging in: %s, no token in the answer (%w)", resp.Status, err)
	}
	s.vaultToken = login.Auth.ClientToken
	s.direct, err = json.Marshal(map[string]string{
		"input":       base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32)),
		"key_version": "1", "marshaling_algorithm": "jws", "hash_algorithm": "sha2-256", "prehashed": "true",
	})
	if err != nil {
		return fmt.Errorf("encoding the sign request: %w", err)
	}
	s.form = url.Values{"grant_type": {"client_credentials"}}.Encode()
	return nil
}

func (s *stack) directSign(ctx context.Context) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.env["VAULT_ADDR"]+"/v1/transit/sign/"+s.env["SIGNET_RING"], bytes.NewReader(s.direct))
	if err != nil {
		return nil, fmt.Errorf("building the sign request: %w", err)
	}
	req.Header.Set("X-Vault-Token", s.vaultToken)
	return req, nil
}

func (s *stack) clientCredentials(ctx context.Context) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.env["SIGNET_URL"]+"/oauth2/token", strings.NewReader(s.form))
	if err != nil {
		return nil, fmt.Errorf("building the token request: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(url.QueryEscape(s.env["SIGNET_CLIENT_ID"]), url.QueryEscape(s.env["SIGNET_CLIENT_SECRET"]))
	return req, nil
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
