package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"signet/config"
	"signet/vaultkeys/vaultapi"
)

// connectOperator connects to Vault with the operator's own token, and waits
// for an answer.
func connectOperator(ctx context.Context, v config.Vault, wait time.Duration, progress io.Writer) (*vaultapi.Conn, error) {
	const timeout = 30 * time.Second // making an RSA key of 4096 bits takes seconds
	conn, target, err := operatorConn(v, timeout)
	if err != nil {
		return nil, err
	}
	return conn, waitForVault(ctx, conn, wait, target, progress)
}

// operatorConn is a connection with the operator's own token; nothing is asked
// yet. timeout is for one request.
func operatorConn(v config.Vault, timeout time.Duration) (*vaultapi.Conn, target, error) {
	t, err := operatorTarget(v)
	if err != nil {
		return nil, t, err
	}
	conn, err := vaultapi.New(vaultapi.Config{
		Address: t.address, Namespace: t.namespace, CACert: t.caCert,
		Login:   vaultapi.Token(func() (string, error) { return t.token, nil }),
		Timeout: timeout, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, t, fmt.Errorf("connecting to Vault at %s: %w", t.address, err)
	}
	return conn, t, nil
}

// target is the Vault to work on, and the operator's token for it.
type target struct{ address, namespace, caCert, token, source string }

// operatorTarget looks where Vault's own command line looks, then in the
// configuration. The configuration's login is not used: it is Signet's.
func operatorTarget(v config.Vault) (target, error) {
	t := target{
		address:   envOr("VAULT_ADDR", v.Address),
		namespace: envOr("VAULT_NAMESPACE", v.Namespace),
		caCert:    envOr("VAULT_CACERT", v.CACert),
	}
	if t.token = strings.TrimSpace(os.Getenv("VAULT_TOKEN")); t.token != "" {
		t.source = "VAULT_TOKEN"
		return t, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return t, errNoOperatorToken
	}
	t.source = filepath.Join(home, ".vault-token")
	raw, err := os.ReadFile(t.source)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return t, fmt.Errorf("reading your Vault token: %w", err)
	}
	if t.token = strings.TrimSpace(string(raw)); t.token == "" {
		return t, errNoOperatorToken
	}
	return t, nil
}

var errNoOperatorToken = errors.New("no Vault token: set VAULT_TOKEN, or run `vault login`, which writes ~/.vault-token; " +
	"it must be an operator's, for the configuration's own login may not make keys or policies")

func envOr(name, fallback string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return fallback
}

// vaultPoll is the pause between two looks at a Vault that is not up yet.
const vaultPoll = time.Second

// waitForVault returns when Vault answers with this token, or with the reason
// why it does not. Only what time can heal is waited for.
func waitForVault(ctx context.Context, conn *vaultapi.Conn, patience time.Duration, t target, progress io.Writer) error {
	deadline := time.Now().Add(patience)
	for said := ""; ; {
		_, err := conn.Read(ctx, "sys/health", nil)
		if err == nil {
			return nil
		}
		why, hopeless := vaultTrouble(err, t)
		if hopeless || !time.Now().Before(deadline) {
			return fmt.Errorf("vault at %s: %s: %w", t.address, why, err)
		}
		if why != said {
			said = why
			if _, err := fmt.Fprintf(progress, "waiting for Vault at %s: %s\n", t.address, why); err != nil {
				return fmt.Errorf("printing progress: %w", err)
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(vaultPoll):
		}
	}
}

// vaultTrouble says what is wrong, and whether waiting cannot mend it.
func vaultTrouble(err error, t target) (why string, hopeless bool) {
	if errors.Is(err, vaultapi.ErrSealed) {
		return "it is sealed", false
	}
	if e, ok := errors.AsType[*vaultapi.Error](err); ok && (e.Status == http.StatusForbidden || e.Status == http.StatusBadRequest) {
		return "the token of " + t.source + " is refused", true
	}
	return "it does not answer", false
}
