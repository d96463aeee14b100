package vaultcheck

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"signet/vaultkeys/vaultapi"
)

// auditing looks at what Vault writes into its audit log.
func (c *check) auditing(ctx context.Context) error {
	if err := c.mount(ctx); err != nil {
		return err
	}
	return c.devices(ctx)
}

// mountData is a mount as both paths show it
// (https://developer.hashicorp.com/vault/api-docs/system/internal-ui-mounts).
type mountData struct {
	Type   string `json:"type"`
	Config struct {
		ResponseKeys []string `json:"audit_non_hmac_response_keys"`
	} `json:"config"`
}

// mount: any token that has something to do on a mount may ask how it is tuned.
func (c *check) mount(ctx context.Context) error {
	path := "sys/internal/ui/mounts/" + c.cfg.Mount
	where := "sys/mounts/" + c.cfg.Mount + "/tune"
	var m mountData
	_, err := c.cfg.Issuer.Read(ctx, path, &m)
	if err != nil && c.cfg.Operator != nil && !errors.Is(err, vaultapi.ErrNotFound) {
		_, err = c.cfg.Operator.Read(ctx, path, &m)
	}
	switch {
	case outage(err) != nil && !loginRefused(err):
		return err
	case err != nil:
		c.judge(false, Unknown, where, fmt.Sprintf("it could not be read (%v), so whether the audit log holds secrets was not checked", err),
			"check again when the findings above are mended, or with an operator's token in VAULT_TOKEN")
		return nil
	}
	c.judge(!slices.Contains(m.Config.ResponseKeys, "hmac"), Fail, where,
		"audit_non_hmac_response_keys has hmac, so Vault's audit log holds the secret behind refresh tokens",
		fmt.Sprintf("`vault write %s audit_non_hmac_response_keys=%s`; then log everybody out, for the log has held that secret (docs/vault.md)",
			where, join(slices.DeleteFunc(slices.Clone(m.Config.ResponseKeys), func(k string) bool { return k == "hmac" }))))
	return nil
}

// device is an entry of sys/audit.
type device struct {
	Type    string            `json:"type"`
	Options map[string]string `json:"options"`
}

// devices: there is one, and none that logs secrets as they are. Only an
// operator may see them.
func (c *check) devices(ctx context.Context) error {
	const where = "sys/audit"
	unseen := func(why, remedy string) {
		c.judge(false, Unknown, where, why+", so whether Vault keeps an audit log, and one without secrets, was not checked", remedy)
	}
	if c.cfg.Operator == nil {
		unseen("only an operator may read it, and there is no operator's token", "check with an operator's token in VAULT_TOKEN; the policy signet-auditor is enough")
		return nil
	}
	var all map[string]device
	_, err := c.cfg.Operator.Read(ctx, where, &all)
	switch {
	case loginRefused(err):
		unseen(fmt.Sprintf("Vault refuses the operator's token (%v)", err), "set VAULT_TOKEN to one that is good, or run `vault login`")
		return nil
	case outage(err) != nil:
		return err
	case err != nil:
		unseen(fmt.Sprintf("the operator's token may not read it (%v)", err), "use a token with the policy signet-auditor")
		return nil
	}
	c.judge(len(all) > 0, Warn, where, "no audit device is enabled, so nobody can tell what was signed",
		"`vault audit enable file file_path=/var/log/vault/audit.log`, and a second one: Vault blocks when its last one cannot write")
	for _, path := range slices.Sorted(maps.Keys(all)) {
		c.raw(path, all[path])
	}
	return nil
}

func (c *check) raw(path string, d device) {
	raw, err := strconv.ParseBool(d.Options["log_raw"])
	c.judge(err != nil || !raw, Fail, "sys/audit/"+path, "log_raw is set, so Vault's audit log holds tokens and the secret behind refresh tokens",
		fmt.Sprintf("enable a device without log_raw, then `vault audit disable %s`; then log everybody out, for the log has held that secret (docs/vault.md)", path))
}
