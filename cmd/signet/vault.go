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

	"github.com/spf13/cobra"

	"signet/config"
	"signet/vaultkeys"
	"signet/vaultkeys/vaultapi"
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
	init := vaultinit.Config{
		Conn: conn, Mount: cfg.Vault.TransitMount, AppRoleMount: cfg.Vault.Auth.Mount, MACKey: cfg.Refresh.MACKey,
		DryRun: o.dryRun, NarrowPolicies: o.narrow, CredentialsDir: o.credentialsDir, KeeperCredentialsDir: o.keeperDir,
		ConfigPath: o.configPath, Address: cfg.Vault.Address, Out: out,
		RoleIDFile: cfg.Vault.Auth.RoleID.File, SecretIDFile: cfg.Vault.Auth.SecretID.File,
	}
	for _, r := range cfg.Rings {
		init.Rings = append(init.Rings, vaultkeys.RingConfig{Name: r.Name, Algorithm: r.Algorithm, RSABits: r.RSABits})
	}
	return vaultinit.Run(ctx, init)
}

// connectOperator connects to Vault with the operator's own token, and waits
// for an answer.
func connectOperator(ctx context.Context, v config.Vault, wait time.Duration, progress io.Writer) (*vaultapi.Conn, error) {
	target, err := operatorTarget(v)
	if err != nil {
		return nil, err
	}
	conn, err := vaultapi.New(vaultapi.Config{
		Address: target.address, Namespace: target.namespace, CACert: target.caCert,
		Login:   vaultapi.Token(func() (string, error) { return target.token, nil }),
		Timeout: 30 * time.Second, // making an RSA key of 4096 bits takes seconds
		Logger:  slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, fmt.Errorf("connecting to Vault at %s: %w", target.address, err)
	}
	return conn, waitForVault(ctx, conn, wait, target, progress)
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
