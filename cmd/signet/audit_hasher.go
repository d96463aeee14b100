package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"signet/audit/audithash"
	"signet/audit/reconcile"
	"signet/config"
	"signet/vaultkeys/vaultapi"
)

// errNoAuditorToken is for who has nothing but the logs.
var errNoAuditorToken = errors.New("no Vault token: set VAULT_TOKEN to one with the policy signet-auditor, or run `vault login`, which writes ~/.vault-token")

// hashTimeout is for one call of sys/audit-hash.
const hashTimeout = 30 * time.Second

// auditHasher asks Vault with the auditor's token, and is nil without one: a log
// that is clear can be read all the same.
func auditHasher(v config.Vault, device string) (reconcile.Hasher, error) {
	conn, _, err := operatorConn(v, hashTimeout)
	if errors.Is(err, errNoOperatorToken) {
		return nil, nil //nolint:nilnil // no token is no hasher, and no error
	}
	if err != nil {
		return nil, err
	}
	return audithash.New(audithash.Config{Vault: conn, Device: device}), nil
}

// operatorHasher connects with the operator's token once a value is to be hashed.
type operatorHasher struct {
	vault  config.Vault
	device string
}

func (h *operatorHasher) All(ctx context.Context, values []string) ([]string, error) {
	if h.vault.Address == "" && os.Getenv("VAULT_ADDR") == "" {
		return nil, errors.New("no Vault is named: set VAULT_ADDR, or give --config")
	}
	conn, target, err := operatorConn(h.vault, hashTimeout)
	if err != nil {
		if errors.Is(err, errNoOperatorToken) {
			err = errNoAuditorToken
		}
		return nil, err
	}
	hashes, err := audithash.New(audithash.Config{Vault: conn, Device: h.device}).All(ctx, values)
	if err != nil && !errors.Is(err, vaultapi.ErrPermissionDenied) {
		err = fmt.Errorf("vault at %s: %w", target.address, err)
	}
	return hashes, err
}
