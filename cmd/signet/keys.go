package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"signet/config"
	"signet/internal/sharedstate"
	"signet/vaultkeys/manual"
	"signet/vaultkeys/vaultapi"
)

func newKeysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "List, rotate, retire and revoke key versions by hand",
		Long: `List, rotate, retire, trim and revoke the key versions of the rings.

They run with your own Vault token, found as ` + "`signet vault init`" + ` finds it:
VAULT_ADDR, VAULT_TOKEN or ~/.vault-token, VAULT_NAMESPACE, VAULT_CACERT; where
one of them is not set, the configuration's address, namespace and CA are used.
deploy/vault/key-operator.hcl is the policy that this token needs. The rings and
Redis are the configuration's.

Whoever changes something sees the plan first: --dry-run shows no more than
that, --yes does not ask.`,
		Example: `  signet keys list --config signet.yaml
  signet keys revoke --config signet.yaml --ring signet-es256 --version 3`,
	}
	cmd.AddCommand(newKeysListCommand(), newKeysRotateCommand(), newKeysRetireCommand(), newKeysTrimCommand(), newKeysRevokeCommand())
	return cmd
}

// keysOptions are the flags that all of them have.
type keysOptions struct {
	configPath string
	ring       string
}

func (o *keysOptions) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.configPath, "config", "signet.yaml", "Signet's configuration file")
	cmd.Flags().StringVar(&o.ring, "ring", "", "the key ring")
}

// given refuses a flag that was given and says nothing, as one from a variable
// that is not set: it would mean every ring, or every version.
func given(cmd *cobra.Command) error {
	for name, nothing := range map[string]string{"ring": "", "kid": "", "version": "0", "above": "0", "subject": "", "client": "", "sid": "[]"} {
		if f := cmd.Flags().Lookup(name); f != nil && f.Changed && f.Value.String() == nothing {
			return usage("--%s says nothing: give it a value, or leave it away", name)
		}
	}
	return nil
}

// keys is what a command works with.
type keys struct {
	cfg      *config.Config
	operator *manual.Operator
	out, err io.Writer
	close    func()
}

// openKeys connects to Vault with the operator's token, and to Redis. That
// Redis does not answer is told by the first who asks it. Where it is Vault
// that does not, or a token that is missing, there are keys beside the error.
func openKeys(ctx context.Context, o keysOptions, cmd *cobra.Command) (*keys, error) {
	cfg, err := config.Load(o.configPath)
	if err != nil {
		return nil, err
	}
	k := &keys{cfg: cfg, out: cmd.OutOrStdout(), err: cmd.ErrOrStderr(), close: func() {}}
	conn, failed := connectOperator(ctx, cfg.Vault, 0, k.err)
	var vault manual.Vault = conn
	if conn == nil {
		vault = noVault{failed}
	}
	at := envOr("VAULT_ADDR", cfg.Vault.Address)
	other := strings.TrimRight(at, "/") != strings.TrimRight(cfg.Vault.Address, "/")
	if other {
		k.note("this is about the Vault at %s (VAULT_ADDR), not that of the configuration, %s: what it shows is not remembered in Redis, and Redis' times do not count; "+
			"if it is the same one, use the configuration's address", at, cfg.Vault.Address)
	}
	logger := slog.New(slog.NewJSONHandler(k.err, nil))
	shared, err := k.openShared(logger)
	if err != nil {
		k.note("Redis is not used: %v", err)
	}
	k.operator = manual.New(manual.Config{
		Vault: vault, Mount: cfg.Vault.TransitMount, Rings: ringConfigs(cfg), RevokedKIDs: cfg.Keys.RevokedKIDs,
		Shared: shared, ReadOnly: other, Logger: logger, Did: func(s manual.Step) { _, _ = fmt.Fprintf(k.out, "done: %s\n", s) },
	})
	return k, failed
}

// noVault is a Vault that cannot be asked.
type noVault struct{ err error }

func (v noVault) Read(context.Context, string, any) (vaultapi.Meta, error) {
	return vaultapi.Meta{}, v.err
}

func (v noVault) Write(context.Context, string, any, any) (vaultapi.Meta, error) {
	return vaultapi.Meta{}, v.err
}

func (k *keys) openShared(logger *slog.Logger) (manual.Shared, error) {
	client, err := openRedis(k.cfg.Redis, logger)
	if err != nil {
		return manual.Shared{}, err
	}
	k.close = func() { _ = client.Close() }
	return manual.Shared{
		Revoked: sharedstate.NewRevocations(client), KIDs: sharedstate.NewKIDs(client),
		Fences: sharedstate.NewFences(client), FirstSeen: sharedstate.NewFirstSeen(client),
		MaxTTLs: sharedstate.NewMaxTTLs(client), Uses: sharedstate.NewKIDCounts(client),
	}, nil
}

// note is for the operator's eyes, beside what a program reads.
func (k *keys) note(format string, args ...any) {
	_, _ = fmt.Fprintf(k.err, "note: "+format+"\n", args...)
}

func (k *keys) notes(all []string) {
	for _, n := range all {
		k.note("%s", n)
	}
}

// explain makes what cannot be meant count as wrong usage, and names the policy
// that a refused token lacks.
func explain(err error) error {
	switch {
	case errors.Is(err, manual.ErrChoice):
		return usage("%w", err)
	case errors.Is(err, vaultapi.ErrPermissionDenied):
		return fmt.Errorf("%w; deploy/vault/key-operator.hcl is what your token may need", err)
	}
	return err
}
