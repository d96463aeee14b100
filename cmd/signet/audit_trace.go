package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"signet/audit/audithash"
	"signet/audit/trace"
	"signet/audit/vaultlog"
	"signet/config"
)

// traceOptions are the flags and the argument of `signet audit trace`.
type traceOptions struct {
	auditSources

	subject string
	named   bool // --config was given
	device  string
	format  output
}

func newAuditTraceCommand() *cobra.Command {
	var o traceOptions
	cmd := &cobra.Command{
		Use:   "trace TOKEN|JTI|- --vault-log FILE",
		Short: "Find in Vault's audit log who had a token signed, when and with which key version",
		Long: `Find a token in Vault's audit log: when it was signed, in which request, with
which version of which key, and whose Vault token asked for it; beside it the
issuance record that declared it, and, for a token of a session, where the
session came from, token by token back to the login.

A token is found by what was signed, so it need not be valid any more. - reads it
from standard input, which is better than an argument: others on this host can
see arguments. The token itself is never printed. A jti is found by the reference
that Signet gives Vault with each signature, or by its issuance record; write --
before one that begins with a dash.

Logs and records may be plain or gzip, as many as there are, in any order: repeat
the flag, or give a pattern in quotes. --vault-log - reads standard input. The
mount and the namespace are the configuration's (VAULT_NAMESPACE goes first);
without a configuration file they are transit, and root.

Where the log is clear (see docs/vault.md) no Vault is needed. Where it is hashed,
Vault is asked how the values stand in it: with your own token, found as
signet vault init finds it (VAULT_TOKEN or ~/.vault-token; VAULT_ADDR). The policy
signet-auditor is enough.

Exit code 0 if Vault's log has a signature of it, 1 if not.`,
		Example: `  signet audit trace - --vault-log /var/log/vault/audit.log --records issuance.jsonl
  signet audit trace --vault-log audit.log --vault-log audit.log.1.gz -o json -- xF3kq0c1TtqdM5aDkRzAKA`,
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return usage("name a token or a jti, or - for standard input; see %s --help", cmd.CommandPath())
			case len(args) > 1:
				// The arguments are not repeated: one of them may be a token.
				return usage("%d arguments instead of one; repeat --vault-log and --records for each file; see %s --help", len(args), cmd.CommandPath())
			}
			o.subject = args[0]
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.named = cmd.Flags().Changed("config")
			return auditTrace(cmd.Context(), o, cmd)
		},
	}
	flags := cmd.Flags()
	o.add(flags)
	flags.StringVar(&o.device, "audit-device", audithash.DefaultDevice, "the path of the audit device whose log it is")
	o.format.add(cmd)
	return cmd
}

// errNotTraced is what the exit code stands for; the report says more.
var errNotTraced = errors.New("no signature of it was found in Vault's audit log")

func auditTrace(ctx context.Context, o traceOptions, cmd *cobra.Command) error {
	if err := o.check(); err != nil {
		return err
	}
	subject, err := o.read(cmd.InOrStdin(), cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	vault, err := o.vault(cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	said := &progress{out: cmd.ErrOrStderr(), every: 2 * time.Second}
	report, err := trace.Run(ctx, trace.Config{
		Log: vaultlog.Options{
			Files: o.vaultLogs, Stdin: cmd.InOrStdin(), Progress: reading(said, "Vault's log"),
			Interest: vaultlog.Interest{Mount: vault.TransitMount, Namespace: envOr("VAULT_NAMESPACE", vault.Namespace)},
		},
		Records: o.records, RecordsProgress: reading(said, "issuance records"),
		Hasher: &operatorHasher{vault: vault, device: o.device},
	}, subject)
	if err != nil {
		return err
	}
	if err := printTrace(cmd.OutOrStdout(), report, o.format); err != nil {
		return err
	}
	if !report.Found {
		return errNotTraced
	}
	return nil
}

func (o *traceOptions) check() error {
	if err := o.format.check(); err != nil {
		return err
	}
	switch {
	case len(o.vaultLogs) == 0:
		return usage("name Vault's audit log: --vault-log FILE")
	case slices.Contains(o.vaultLogs, "") || slices.Contains(o.records, ""):
		return usage("a --vault-log or --records says nothing: give it a file, or leave it away")
	case slices.Contains(o.records, vaultlog.Stdin):
		return usage("--records -: records are read more than once, so they must be in files")
	case o.subject == vaultlog.Stdin && slices.Contains(o.vaultLogs, vaultlog.Stdin):
		return usage("only one of the token and --vault-log can come from standard input")
	case strings.Trim(o.device, "/") == "":
		return usage("--audit-device says nothing: `vault audit list` shows the devices")
	}
	return o.expand()
}

// maxToken is far above any token that fits a header.
const maxToken = 1 << 20

// read takes the token or jti. No error repeats it.
func (o *traceOptions) read(stdin io.Reader, warn io.Writer) (*trace.Subject, error) {
	text := o.subject
	if text == vaultlog.Stdin {
		raw, err := io.ReadAll(io.LimitReader(stdin, maxToken))
		if err != nil {
			return nil, fmt.Errorf("reading the token from standard input: %w", err)
		}
		text = string(raw)
	}
	subject, err := trace.Parse(text)
	if err != nil {
		return nil, usage("%w", err)
	}
	if subject.Token && o.subject != vaultlog.Stdin {
		_, _ = fmt.Fprintln(warn, "note: others on this host can see arguments; rather give the token by standard input, with - in its place") // a note is no result
	}
	return subject, nil
}

// vault is the configuration's, or the defaults where there is no such file and
// nobody named one: an auditor may have nothing but the logs.
func (o *traceOptions) vault(note io.Writer) (config.Vault, error) {
	cfg, err := config.Load(o.configPath)
	if err == nil {
		return cfg.Vault, nil
	}
	if o.named || !errors.Is(err, fs.ErrNotExist) {
		return config.Vault{}, err
	}
	_, _ = fmt.Fprintf(note, "note: there is no %s; looking for the mount %s, and at VAULT_ADDR if a Vault is needed\n", o.configPath, config.DefaultTransitMount) // a note is no result
	return config.Vault{TransitMount: config.DefaultTransitMount}, nil
}
