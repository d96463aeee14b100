package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"signet/config"
	"signet/vaultkeys/vaultcheck"
)

func newVaultCheckCommand() *cobra.Command {
	var path string
	var format output
	cmd := &cobra.Command{
		Use:   "check --config FILE",
		Short: "Prove that Vault is set up as Signet needs it, and name a remedy where it is not",
		Long: `Prove that Vault is set up as Signet needs it: keys that fit and cannot leave
Vault, an issuer that can sign with a pinned version and do nothing else, a
keeper that can rotate and not sign, clocks that agree, an audit log that is on
and holds no secret. What can be tried without harm is tried (a signature of a
text that is no token), the rest is asked of sys/capabilities-self. Nothing is
changed.

It logs in as the configuration says, as issuer and keeper, and prints one line
for each finding, with its remedy:

  fail     a promise of docs/vault.md does not hold
  warn     it holds, and something beside it is wrong
  unknown  it could not be looked at, and so was not checked

Exit code 3 if there is any line, 0 if there is none: everything was looked at
and is right. 1 if Vault cannot be asked.

Which audit devices Vault has is for an operator to see: for that alone your own
Vault token is used, found as signet vault init finds it (VAULT_TOKEN or
~/.vault-token; VAULT_ADDR). Without one that line is "unknown". For a pipeline,
a token with the policy signet-auditor is enough.`,
		Example: `  signet vault check --config signet.yaml
  signet vault check --config signet.yaml -o json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := format.check(); err != nil {
				return err
			}
			report, err := vaultCheck(cmd.Context(), path)
			if err != nil && len(report.Findings) == 0 {
				return err // nothing to print, and no count that would look like a result
			}
			if err := printFindings(cmd.OutOrStdout(), report, format); err != nil {
				return err
			}
			if err == nil && len(report.Findings) > 0 {
				err = errFound
			}
			return err
		},
	}
	cmd.Flags().StringVar(&path, "config", "signet.yaml", "Signet's configuration file")
	format.add(cmd)
	return cmd
}

// vaultCheck judges the file first: with one that is refused, nobody knows which
// Vault to ask for what.
func vaultCheck(ctx context.Context, path string) (vaultcheck.Report, error) {
	cfg, err := config.Load(path)
	if err != nil {
		report, err := violations(err)
		if len(report.Findings) > 0 {
			report.Findings = append(report.Findings, vaultcheck.Finding{
				Severity: vaultcheck.Unknown, Where: "vault", Problem: "with this configuration Vault was not asked", Remedy: "mend it and check again",
			})
		}
		return report, err
	}
	var before vaultcheck.Report
	for _, check := range []func() error{cfg.CheckSecrets, cfg.CheckFiles} {
		report, err := violations(check())
		if err != nil {
			return before, err
		}
		before.Findings = append(before.Findings, report.Findings...)
	}
	if len(before.Findings) > 0 {
		before.Findings = append(before.Findings, vaultcheck.Finding{
			Severity: vaultcheck.Unknown, Where: "vault", Problem: "without these files Vault was not asked", Remedy: "provide them and check again",
		})
		return before, nil
	}
	return askVault(ctx, cfg)
}

// violations makes findings of what is wrong with the configuration file. A
// file that cannot be read at all stays an error.
func violations(err error) (vaultcheck.Report, error) {
	var report vaultcheck.Report
	bad, ok := errors.AsType[*config.Error](err)
	if !ok {
		return report, err
	}
	for _, v := range bad.Violations {
		where := bad.Path
		if v.Line > 0 {
			where = fmt.Sprintf("%s:%d", where, v.Line)
		}
		if v.Field != "" {
			where += ": " + v.Field
		}
		report.Findings = append(report.Findings, vaultcheck.Finding{Severity: vaultcheck.Fail, Where: where, Problem: v.Problem, Remedy: v.Remedy})
	}
	return report, nil
}

// askVault checks with the logins of the configuration, and ends what it got.
func askVault(ctx context.Context, cfg *config.Config) (report vaultcheck.Report, err error) {
	var logins checkLogins
	defer logins.end(ctx)
	check := checkConfigOf(cfg)
	if check.Issuer, err = logins.open(ctx, cfg.Vault, cfg.Vault.Auth); err != nil {
		return report, err
	}
	if cfg.Keeper != nil {
		if check.Keeper, err = logins.open(ctx, cfg.Vault, cfg.Keeper.Auth); err != nil {
			return report, err
		}
	}
	switch operator, _, err := operatorConn(cfg.Vault, checkTimeout); {
	case errors.Is(err, errNoOperatorToken):
		// found by the check, for nothing else needs one
	case err != nil:
		return report, err
	default:
		check.Operator = operator
	}
	report, err = vaultcheck.Run(ctx, check)
	if err != nil {
		err = fmt.Errorf("vault cannot be asked (vault.address is %s; VAULT_ADDR counts for your own token): %w", cfg.Vault.Address, err)
	}
	return report, err
}

// checkConfigOf is what both `vault check` and `serve` look at.
func checkConfigOf(cfg *config.Config) vaultcheck.Config {
	return vaultcheck.Config{
		Mount: cfg.Vault.TransitMount, AppRoleMount: cfg.Vault.Auth.Mount, Rings: ringConfigs(cfg), MACKey: cfg.Refresh.MACKey,
		ClockSkew: cfg.Keys.ClockSkew, ConfigPath: cfg.Path(),
	}
}

func printFindings(out io.Writer, report vaultcheck.Report, format output) error {
	if format == outputJSON {
		if report.Findings == nil {
			report.Findings = []vaultcheck.Finding{} // an empty list, not null
		}
		return encodeJSON(out, report)
	}
	for _, f := range report.Findings {
		if _, err := fmt.Fprintln(out, f); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(out, "%d checks passed\n", report.Passed)
	return err
}
