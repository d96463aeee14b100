package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

// errUsage is wrapped around whatever is wrong with the command line itself.
var errUsage = errors.New("wrong usage")

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "signet",
		Short: "Sign JWTs with keys that never leave HashiCorp Vault",
		Long: `Signet signs JWTs with keys that never leave HashiCorp Vault's transit engine,
serves their public keys, and keeps refresh tokens in Redis.`,
		Example: `  signet vault init --config signet.yaml
  signet serve --config signet.yaml`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage("%w; see %s --help", err, cmd.CommandPath())
	})
	root.AddCommand(newServeCommand(), newKeeperCommand(), newVaultCommand(), newKeysCommand(), newSessionsCommand(), newAuditCommand(), newClientCommand(), newVersionCommand())
	group(root)
	return root
}

func usage(format string, args ...any) error {
	return fmt.Errorf("%w: %w", errUsage, fmt.Errorf(format, args...))
}

// noArgs refuses what is left over: a forgotten dash must not silently become
// the default.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("unknown argument %q; see %s --help", args[0], cmd.CommandPath())
	}
	return nil
}

// group makes every command that only holds others show them, and makes cobra's
// own complaints about flags and arguments count as wrong usage.
func group(cmd *cobra.Command) {
	for _, child := range cmd.Commands() {
		group(child)
	}
	if cmd.HasSubCommands() && cmd.RunE == nil {
		cmd.Args = noArgs
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		return
	}
	if cmd.Args == nil {
		cmd.Args = noArgs
	}
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		if err := cmd.ValidateRequiredFlags(); err != nil {
			return usage("%w; see %s --help", err, cmd.CommandPath())
		}
		return nil
	}
}
