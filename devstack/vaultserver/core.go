package vaultserver

import (
	"fmt"
	"io"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/audit"
	"github.com/hashicorp/vault/sdk/physical"
	"github.com/hashicorp/vault/sdk/physical/file"
	"github.com/hashicorp/vault/sdk/physical/inmem"
	"github.com/hashicorp/vault/vault"
)

func newLogger(cfg Config) hclog.Logger {
	out := cfg.LogOutput
	if out == nil {
		out = io.Discard
	}
	level := hclog.LevelFromString(cfg.LogLevel)
	if level == hclog.NoLevel {
		level = hclog.Warn
	}
	return hclog.New(&hclog.LoggerOptions{Level: level, Output: out})
}

func newCore(cfg Config, logger hclog.Logger) (*vault.Core, *vault.CoreConfig, error) {
	storage, kind, err := newStorage(cfg, logger)
	if err != nil {
		return nil, nil, err
	}
	catalogue := newPlugins()
	config := &vault.CoreConfig{
		Physical:           storage,
		StorageType:        kind,
		Logger:             logger,
		BuiltinRegistry:    catalogue,
		LogicalBackends:    catalogue.secrets,
		CredentialBackends: catalogue.credentials,
		AuditBackends:      map[string]audit.Factory{"file": audit.NewFileBackend},
		RedirectAddr:       "http://" + cfg.Listener.Addr().String(),
		DisableMlock:       true,
		// A root token with a chosen id is no server side consistent token.
		DisableSSCTokens: true,
	}
	if cfg.Raft {
		return newRaftCore(config)
	}
	core, err := vault.NewCore(config)
	if err != nil {
		return nil, nil, fmt.Errorf("making vault's core: %w", err)
	}
	return core, config, nil
}

func newStorage(cfg Config, logger hclog.Logger) (physical.Backend, string, error) {
	if cfg.Storage == "" {
		b, err := inmem.NewInmem(nil, logger)
		if err != nil {
			return nil, "", fmt.Errorf("making vault's memory storage: %w", err)
		}
		return b, "inmem", nil
	}
	dir, err := dataDir(cfg.Storage)
	if err != nil {
		return nil, "", err
	}
	if cfg.Raft {
		return newRaft(dir, logger)
	}
	b, err := file.NewFileBackend(map[string]string{"path": dir}, logger)
	if err != nil {
		return nil, "", fmt.Errorf("making vault's file storage: %w", err)
	}
	return b, "file", nil
}
