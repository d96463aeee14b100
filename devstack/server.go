package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"signet/devstack/vaultserver"
)

// runVault stands in for `vault server -dev`: the same flags and environment,
// and the lines by which tests and people find the keys.
func runVault(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("devstack server", flag.ContinueOnError)
	flags.SetOutput(stderr)
	dev := flags.Bool("dev", false, "required: this Vault is for development only")
	root := flags.String("dev-root-token-id", os.Getenv("VAULT_DEV_ROOT_TOKEN_ID"), "id of the root token; empty lets Vault choose (VAULT_DEV_ROOT_TOKEN_ID)")
	addr := flags.String("dev-listen-address", envOr("VAULT_DEV_LISTEN_ADDRESS", "127.0.0.1:8200"), "address of the API (VAULT_DEV_LISTEN_ADDRESS)")
	level := flags.String("log-level", envOr("VAULT_LOG_LEVEL", "warn"), "trace, debug, info, warn or error (VAULT_LOG_LEVEL)")
	storage := flags.String("storage", "", "directory to keep data and unseal key in; empty keeps them in memory")
	raft := flags.Bool("raft", false, "keep -storage by raft (integrated storage), so that snapshots can be taken and restored")
	if err := parse(flags, args); err != nil {
		return err
	}
	if *raft && *storage == "" {
		return fmt.Errorf("%w: -raft needs -storage DIR", errUsage)
	}
	if !*dev {
		return fmt.Errorf("%w: only `server -dev`: this Vault is for development", errUsage)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", *addr)
	if err != nil {
		return fmt.Errorf("listening for vault's API (set -dev-listen-address): %w", err)
	}
	server, err := vaultserver.Start(ctx, vaultserver.Config{
		Listener:  listener,
		Storage:   *storage,
		Raft:      *raft,
		RootToken: *root,
		LogLevel:  *level,
		LogOutput: stderr,
	})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	_, _ = fmt.Fprintf(stdout, "==> Vault server started! Development mode: nothing here is safe.\n\n"+
		"    $ export VAULT_ADDR='http://%s'\n\nUnseal Key: %s\nRoot Token: %s\n\nListening on %s\n",
		listener.Addr(), server.UnsealKey, server.RootToken, listener.Addr())
	return serveVault(ctx, server, stderr)
}

func serveVault(ctx context.Context, server *vaultserver.Server, stderr io.Writer) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	for {
		select {
		case <-hangup: // log rotation, as Vault does it
			if err := server.ReopenAudit(); err != nil {
				_, _ = fmt.Fprintln(stderr, "devstack:", err)
			}
		case err := <-server.Failed():
			return fmt.Errorf("serving vault's API: %w", err)
		case <-ctx.Done():
			// The caller's context is over; closing gets a bound of its own.
			closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			return server.Close(closing)
		}
	}
}
