package main

import (
	"context"
	"flag"
	"io"
	"os"

	"signet/devstack/stack"
	"signet/devstack/vaultserver"
)

// runStack is what `make run` calls.
func runStack(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("devstack run", flag.ContinueOnError)
	flags.SetOutput(stderr)
	data := flags.String("data", "", "directory to keep Vault's and Redis's state in; empty keeps it in memory")
	signet := flags.String("signet", "bin/signet", "the signet binary")
	if err := parse(flags, args); err != nil {
		return err
	}
	return stack.Run(ctx, stack.Config{
		Dir:        envOr("SIGNET_DEVSTACK_DIR", ".devstack"),
		Data:       *data,
		Signet:     *signet,
		PublicPort: envOr("SIGNET_PORT", "8080"),
		OpsPort:    envOr("SIGNET_OPS_PORT", "9090"),
		VaultPort:  os.Getenv("SIGNET_VAULT_PORT"),
		RedisPort:  os.Getenv("SIGNET_REDIS_PORT"),
		StartVault: startVault,
		Out:        stdout,
	})
}

func startVault(ctx context.Context, cfg stack.VaultConfig) (stack.Vault, error) {
	server, err := vaultserver.Start(ctx, vaultserver.Config{Listener: cfg.Listener, Storage: cfg.Storage, LogOutput: cfg.Log})
	if err != nil {
		return stack.Vault{}, err
	}
	return stack.Vault{RootToken: server.RootToken, Failed: server.Failed(), Close: server.Close}, nil
}
