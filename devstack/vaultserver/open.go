package vaultserver

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/hashicorp/vault/helper/namespace"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/vault"
)

// open brings a core from whatever state it is in to unsealed.
func open(ctx context.Context, core *vault.Core, cfg Config) (keys, error) {
	ctx = namespace.RootContext(ctx)
	initialised, err := core.Initialized(ctx)
	if err != nil {
		return keys{}, fmt.Errorf("asking whether vault is initialised: %w", err)
	}
	var k keys
	if initialised {
		k, err = readKeys(cfg.Storage)
	} else {
		k, err = initialise(ctx, core, cfg.Storage)
	}
	if err != nil {
		return keys{}, err
	}
	if err := unseal(core, k.UnsealKey); err != nil {
		return keys{}, err
	}
	if cfg.Raft {
		if err := active(ctx, core); err != nil {
			return keys{}, err
		}
	}
	if !initialised && cfg.RootToken != "" {
		if err := replaceRoot(ctx, core, &k, cfg.RootToken); err != nil {
			return keys{}, err
		}
		if err := writeKeys(cfg.Storage, k); err != nil {
			return keys{}, err
		}
	}
	return k, nil
}

func initialise(ctx context.Context, core *vault.Core, storage string) (keys, error) {
	result, err := core.Initialize(ctx, &vault.InitParams{
		BarrierConfig: &vault.SealConfig{SecretShares: 1, SecretThreshold: 1},
	})
	if err != nil {
		return keys{}, fmt.Errorf("initialising vault: %w", err)
	}
	k := keys{
		UnsealKey: base64.StdEncoding.EncodeToString(result.SecretShares[0]),
		RootToken: result.RootToken,
	}
	// Before anything else: without this key the storage is lost.
	return k, writeKeys(storage, k)
}

func unseal(core *vault.Core, encoded string) error {
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return fmt.Errorf("decoding the unseal key: %w", err)
	}
	unsealed, err := core.Unseal(key)
	if err != nil {
		return fmt.Errorf("unsealing vault: %w", err)
	}
	if !unsealed {
		return errors.New("unsealing vault: the one key share did not suffice")
	}
	return nil
}

// replaceRoot makes a root token with a chosen id and revokes the first one,
// in the very steps of `vault server -dev`.
func replaceRoot(ctx context.Context, core *vault.Core, k *keys, id string) error {
	req := &logical.Request{
		ID:          "dev-gen-root",
		Operation:   logical.UpdateOperation,
		ClientToken: k.RootToken,
		Path:        "auth/token/create",
		Data: map[string]any{
			"id":                id,
			"policies":          []string{"root"},
			"no_parent":         true,
			"no_default_policy": true,
		},
	}
	resp, err := core.HandleRequest(ctx, req)
	if err != nil {
		return fmt.Errorf("making the root token: %w", err)
	}
	if resp == nil || resp.Auth == nil {
		return errors.New("making the root token: vault answered without one")
	}
	k.RootToken = resp.Auth.ClientToken
	req.ID, req.Path, req.Data = "dev-revoke-init-root", "auth/token/revoke-self", nil
	if _, err := core.HandleRequest(ctx, req); err != nil {
		return fmt.Errorf("revoking the first root token: %w", err)
	}
	return nil
}
