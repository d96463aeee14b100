package vaultserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	vaulthttp "github.com/hashicorp/vault/http"
	"github.com/hashicorp/vault/internalshared/configutil"
	"github.com/hashicorp/vault/vault"
)

// Config shapes a Server.
type Config struct {
	// Listener is where the API is served. Required; Close closes it.
	Listener net.Listener
	// Storage is a directory for Vault's data and its unseal key, made if it does
	// not exist. Empty means in memory.
	Storage string
	// Raft keeps Storage as one node of integrated storage, whose snapshots the
	// API takes and restores. It needs Storage.
	Raft bool
	// RootToken is the id of the root token. Empty lets Vault choose one. With
	// Storage it counts only at the first start; later starts keep the stored one.
	RootToken string
	// LogLevel is trace, debug, info, warn or error; empty means warn.
	LogLevel string
	// LogOutput takes Vault's log. Nil means none.
	LogOutput io.Writer
}

// Server is a running Vault. The keys are for whoever plays the operator.
type Server struct {
	RootToken string
	UnsealKey string // base64, as sys/unseal takes it

	core   *vault.Core
	config *vault.CoreConfig // NewCore leaves the reload functions here
	http   *http.Server
	failed chan error
}

// Start initialises Vault if need be, unseals it and serves its API.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	logger := newLogger(cfg)
	core, coreConfig, err := newCore(cfg, logger)
	if err != nil {
		return nil, err
	}
	keys, err := open(ctx, core, cfg)
	if err != nil {
		return nil, errors.Join(err, core.Shutdown())
	}
	s := &Server{
		RootToken: keys.RootToken,
		UnsealKey: keys.UnsealKey,
		core:      core,
		config:    coreConfig,
		failed:    make(chan error, 1),
	}
	waiting := &unused{}
	s.http = &http.Server{
		// Vault's handler wants a listener configuration and panics without one.
		Handler: vaulthttp.Handler.Handler(&vault.HandlerProperties{
			Core:           core,
			ListenerConfig: &configutil.Listener{},
		}),
		// The same bounds as Vault's own server command.
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       5 * time.Minute,
		ErrorLog:          logger.StandardLogger(nil),
		ConnState:         waiting.track,
	}
	s.http.RegisterOnShutdown(waiting.close)
	go func() { s.failed <- s.http.Serve(cfg.Listener) }()
	return s, nil
}

// Failed delivers the error that ended the API's listener.
func (s *Server) Failed() <-chan error { return s.failed }

// Close seals Vault and stops the API; requests in flight are given until ctx ends.
func (s *Server) Close(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	if sealErr := s.core.Shutdown(); sealErr != nil {
		err = errors.Join(err, fmt.Errorf("sealing vault: %w", sealErr))
	}
	return err
}

// ReopenAudit makes the file audit devices reopen their files, as Vault does on
// SIGHUP, so that their logs can be rotated.
func (s *Server) ReopenAudit() error {
	s.config.ReloadFuncsLock.RLock()
	defer s.config.ReloadFuncsLock.RUnlock()
	var failures []error
	for name, reloads := range *s.config.ReloadFuncs {
		if !strings.HasPrefix(name, "audit_file|") {
			continue
		}
		for _, reload := range reloads {
			if err := reload(); err != nil {
				failures = append(failures, fmt.Errorf("reopening the file of %s: %w", name, err))
			}
		}
	}
	return errors.Join(failures...)
}
