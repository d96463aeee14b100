package main

import (
	"context"
	"errors"
	"fmt"

	"signet/vaultkeys/vaultinit"
)

// The same once more while Vault logs digests readably instead of hashed, which is
// less work for it.
const (
	directClear      = "direct transit/sign, clear log"
	credentialsClear = "client_credentials, clear log"
)

func addClear(all map[string]series) {
	all[directClear], all[credentialsClear] = all[direct], all[credentials]
}

// inTheClear runs something while Vault's audit log is as
// `signet vault init --dedicated-mount` sets it.
func (s *stack) inTheClear(ctx context.Context, do func() error) (err error) {
	if err := s.logReadably(ctx, vaultinit.ClearRequestKeys); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.logReadably(ctx, []string{})) }()
	return do()
}

// logReadably sets which members of requests the transit mount's log shows
// (https://developer.hashicorp.com/vault/api-docs/system/mounts#tune-mount-configuration).
func (s *stack) logReadably(ctx context.Context, keys []string) error {
	if err := s.askVault(ctx, "sys/mounts/transit/tune", s.env["VAULT_TOKEN"], map[string][]string{"audit_non_hmac_request_keys": keys}, nil); err != nil {
		return fmt.Errorf("tuning the mount: %w", err)
	}
	return nil
}
