package main

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"signet/config"
	"signet/vaultkeys/vaultinit"
)

func newVaultCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "vault",
		Short:   "Prepare Vault for Signet, and check it",
		Example: "  signet vault init --config signet.yaml\n  signet vault check --config signet.yaml",
	}
	cmd.AddCommand(newVaultInitCommand(), newVaultCheckCommand())
	return cmd
}

// vaultInitOptions are the flags of `signet vault init`.
type vaultInitOptions struct {
	configPath     string
	credentialsDir string
	keeperDir      string
	dryRun         bool
	narrow         bool
	dedicated      bool
	wait           time.Duration
}

func newVaultInitCommand() *cobra.Command {
	var o vaultInitOptions
	cmd := &cobra.Command{
		Use:   "init --config FILE",
		Short: "Make the transit keys, policies and AppRoles that a configuration needs",
		Long: `Make the transit engine, the key of each ring, the key behind refresh tokens, the
policies signet-issuer, signet-keeper and signet-auditor, and the AppRoles of
issuer and keeper. What is right already stays as it is, and no key version ever
changes, so it may be run at any time. Nothing is deleted.

Before it writes anything it refuses what it cannot mend, all at once: another
engine at a mount's path, a key of another type, a key that can leave Vault.

It runs with your own Vault token, found as Vault's command line finds it:
VAULT_ADDR, VAULT_TOKEN or ~/.vault-token, VAULT_NAMESPACE, VAULT_CACERT; where
one of them is not set, the configuration's address, namespace and CA are used.
deploy/vault/operator.hcl is the policy that this token needs.`,
		Example: `  signet vault init --config signet.yaml --dry-run
  signet vault init --config signet.yaml --credentials-dir /etc/signet/credentials
  signet vault init --config signet.yaml --dedicated-mount
  signet vault init --config signet.yaml --wait 60s`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.wait < 0 {
				return usage("--wait %s: give a time to wait, such as 60s", o.wait)
			}
			return vaultInit(cmd.Context(), o, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.configPath, "config", "signet.yaml", "Signet's configuration file")
	flags.BoolVar(&o.dryRun, "dry-run", false, "print what would be done, and the policies; change nothing")
	flags.BoolVar(&o.narrow, "narrow-policies", false, "let the policies lose paths that they have now, such as those of a removed ring")
	flags.BoolVar(&o.dedicated, "dedicated-mount", false, "the transit engine is Signet's alone: let Vault's audit log show what is signed, its jti and the key version readably")
	flags.DurationVar(&o.wait, "wait", 0, "wait so long, such as 60s, until Vault is up and unsealed")
	flags.StringVar(&o.credentialsDir, "credentials-dir", "", "write the issuer's role_id and a fresh secret_id here")
	flags.StringVar(&o.keeperDir, "keeper-credentials-dir", "", "write the keeper's here, for a host that serves no tokens")
	return cmd
}

func vaultInit(ctx context.Context, o vaultInitOptions, out, progress io.Writer) error {
	cfg, err := config.Load(o.configPath)
	if err != nil {
		return err
	}
	conn, err := connectOperator(ctx, cfg.Vault, o.wait, progress)
	if err != nil {
		return err
	}
	return vaultinit.Run(ctx, vaultinit.Config{
		Conn: conn, Rings: ringConfigs(cfg), Mount: cfg.Vault.TransitMount, AppRoleMount: cfg.Vault.Auth.Mount, MACKey: cfg.Refresh.MACKey,
		DryRun: o.dryRun, NarrowPolicies: o.narrow, DedicatedMount: o.dedicated, CredentialsDir: o.credentialsDir, KeeperCredentialsDir: o.keeperDir,
		ConfigPath: o.configPath, Address: cfg.Vault.Address, Out: out,
		RoleIDFile: cfg.Vault.Auth.RoleID.File, SecretIDFile: cfg.Vault.Auth.SecretID.File,
	})
}
