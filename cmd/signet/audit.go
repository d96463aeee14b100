package main

import "github.com/spf13/cobra"

// newAuditCommand holds what reads the issuance records and Vault's audit log.
func newAuditCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Follow tokens into Vault's audit log, compare both, and add them up",
		Long: `Read Vault's audit log and Signet's issuance records: files, plain or gzip, in
any order. Nothing is changed, neither in Vault nor in the files.`,
		Example: `  signet audit trace - --vault-log /var/log/vault/audit.log --records issuance.jsonl
  signet audit reconcile --config signet.yaml --vault-log /var/log/vault/audit.log --records issuance.jsonl
  signet audit report --config signet.yaml --vault-log /var/log/vault/audit.log --records issuance.jsonl --out report.html`,
	}
	cmd.AddCommand(newAuditTraceCommand(), newAuditReconcileCommand(), newAuditReportCommand())
	return cmd
}
