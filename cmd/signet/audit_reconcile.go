package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"signet/audit/audithash"
	"signet/audit/reconcile"
	"signet/audit/vaultlog"
	"signet/config"
	"signet/vaultkeys/vaultinit"
)

// reconcileOptions are the flags of `signet audit reconcile`.
type reconcileOptions struct {
	auditSources

	device, accept string
	since, until   string
	margin         time.Duration
	tempDir        string
	all            bool
}

func newAuditReconcileCommand() *cobra.Command {
	var o reconcileOptions
	var format output
	cmd := &cobra.Command{
		Use:   "reconcile --config FILE --records FILE --vault-log FILE",
		Short: "Compare the issuance records with Vault's audit log, signature by signature",
		Long: `Compare the issuance records of all replicas with Vault's audit log: every
signature in the log must have been declared in a record, and every one that a
record calls issued must be in the log. And find whatever goes round the signing
path: exports, backups, other uses of a key, loosened keys, policies, roles,
mounts and audit devices that are not what signet vault init makes.

Files may be plain or gzip, rotated ones are given in any order, - is standard
input, and a pattern in quotes stands for all files that it matches. Give the log
of one audit device only, of all nodes of a cluster: two devices have every
request twice. Memory does not grow with the files; temporary ones need about 300
bytes for each signature.

Where Vault's log is hashed, each declaration costs one call of sys/audit-hash,
with your own Vault token, for which the policy signet-auditor is enough (found
as signet vault init finds it; VAULT_TOKEN, VAULT_ADDR). A clear log needs none
for the signatures; changes of policies, roles and mounts are then findings
unless there is a token, for they are hashed in any log.

Exit code 3 with findings, 0 without. A finding that was looked at and is in
order can be accepted: write its Vault request id into a file for --accept, one
a line, # begins a comment. Exit code 1 if it could not be compared: nothing in
the log is of Vault, or of the time to be judged.`,
		Example: `  signet audit reconcile --config signet.yaml --records records.jsonl --vault-log audit.log
  signet audit reconcile --config signet.yaml --records 'records/*.gz' --vault-log 'vault/audit*' --since 2026-11-01T00:00:00Z -o json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := format.check(); err != nil {
				return err
			}
			total, err := auditReconcile(cmd.Context(), &o, format, cmd)
			if err == nil && total > 0 {
				err = errFound
			}
			return err
		},
	}
	flags := cmd.Flags()
	o.add(flags)
	flags.StringVar(&o.device, "audit-device", audithash.DefaultDevice, "the path of the audit device whose log it is")
	flags.StringVar(&o.accept, "accept", "", "a file of Vault request ids that are in order")
	flags.StringVar(&o.since, "since", "", "judge nothing before this time, in RFC 3339")
	flags.StringVar(&o.until, "until", "", "judge nothing after this time, in RFC 3339")
	flags.DurationVar(&o.margin, "margin", 10*time.Second, "how far clocks may differ, and a request come after its record")
	flags.StringVar(&o.tempDir, "temp-dir", "", "where temporary files go (default: the system's directory for them)")
	flags.BoolVar(&o.all, "all", false, "show every finding, not only the first 100 of each kind")
	format.add(cmd)
	for _, name := range []string{"records", "vault-log"} {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // the flag was made above
		}
	}
	return cmd
}

// auditReconcile compares and prints; total is how many findings there are.
func auditReconcile(ctx context.Context, o *reconcileOptions, format output, cmd *cobra.Command) (total int, err error) {
	compare, err := o.compare(cmd)
	if err != nil {
		return 0, err
	}
	limit := 100
	if o.all {
		limit = 0
	}
	out := bufio.NewWriter(cmd.OutOrStdout())
	err = reconcile.Run(ctx, *compare, func(r *reconcile.Result) error {
		total = r.Summary.Total()
		show := reconcileTable
		if format == outputJSON {
			show = reconcileJSON
		}
		return errors.Join(show(out, r, limit), out.Flush())
	})
	if errors.Is(err, reconcile.ErrNeedsVault) && compare.Hasher == nil {
		err = fmt.Errorf("%w: %w", err, errNoAuditorToken)
	}
	return total, err
}

// compare is what the flags and the configuration ask for.
func (o *reconcileOptions) compare(cmd *cobra.Command) (*reconcile.Config, error) {
	out := &reconcile.Config{Margin: o.margin, TempDir: o.tempDir, Progress: reconcileProgress(cmd.ErrOrStderr())}
	var err error
	if o.margin <= 0 {
		return nil, usage("--margin %s: use a time such as 10s", o.margin)
	}
	if out.Since, out.Until, err = timeSpan(o.since, o.until); err != nil {
		return nil, err
	}
	if err = o.expand(); err != nil {
		return nil, err
	}
	if o.bothStdin() {
		return nil, usage("- is given for the records and for Vault's log: only one of them can be standard input")
	}
	if out.Accepted, err = acceptedIDs(o.accept); err != nil {
		return nil, err
	}
	cfg, err := config.Load(o.configPath)
	if err != nil {
		return nil, err
	}
	rings := ringConfigs(cfg)
	out.Keys = reconcile.KeysOf(rings, cfg.Refresh.MACKey)
	out.Mount, out.AppRoleMount = strings.Trim(cfg.Vault.TransitMount, "/"), strings.Trim(cfg.Vault.Auth.Mount, "/")
	out.Roles = vaultinit.Roles()
	if out.Policies, err = vaultinit.Policies(vaultinit.Config{
		Mount: cfg.Vault.TransitMount, AppRoleMount: cfg.Vault.Auth.Mount, Rings: rings, MACKey: cfg.Refresh.MACKey,
	}); err != nil {
		return nil, err
	}
	out.Records.Paths, out.Records.Stdin = o.records, cmd.InOrStdin()
	names := make([]string, 0, len(out.Keys))
	for i := range out.Keys {
		names = append(names, out.Keys[i].Name)
	}
	out.Log = reconcile.VaultLog(vaultlog.Options{
		Files: o.vaultLogs, Stdin: cmd.InOrStdin(), Interest: vaultlog.Interest{Mount: cfg.Vault.TransitMount, Keys: names, Namespace: cfg.Vault.Namespace},
		Progress: func(done, total int64) { out.Progress(reconcile.ReadingLog, done, total) },
	})
	out.Hasher, err = auditHasher(cfg.Vault, o.device)
	return out, err
}

// acceptedIDs reads a file of Vault request ids.
func acceptedIDs(path string) (map[string]bool, error) {
	if path == "" {
		return map[string]bool{}, nil
	}
	text, err := os.ReadFile(path) //nolint:gosec // G304: it is the operator's own file
	if err != nil {
		return nil, fmt.Errorf("reading what is accepted: %w", err)
	}
	ids := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line != "" {
			ids[line] = true
		}
	}
	return ids, nil
}

// reconcileProgress says how far it is, and how fast.
func reconcileProgress(out io.Writer) func(reconcile.Stage, int64, int64) {
	said := progress{out: out, every: 2 * time.Second}
	type start struct {
		at   time.Time
		done int64
	}
	starts := map[reconcile.Stage]start{} // when each was first heard of: they go on side by side
	return func(s reconcile.Stage, done, total int64) {
		began, known := starts[s]
		if !known {
			began = start{time.Now(), done}
			starts[s] = began
		}
		rate := float64(done-began.done) / max(time.Since(began.at).Seconds(), 1e-3)
		switch {
		case s == reconcile.Hashing:
			said.say("%s: %d (%.0f a second)", s, done, rate)
		case total > 0:
			said.say("%s: %d %% of %d MB (%.0f MB a second)", s, done*100/total, total>>20, rate/(1<<20))
		default:
			said.say("%s: %d MB (%.0f MB a second)", s, done>>20, rate/(1<<20))
		}
	}
}
