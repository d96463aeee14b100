package vaultinit

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// report prints what was done; it remembers the first failure of out.
type report struct {
	out io.Writer
	dry bool
	err error
}

func (r *report) line(format string, args ...any) {
	if _, err := fmt.Fprintf(r.out, format+"\n", args...); err != nil && r.err == nil {
		r.err = fmt.Errorf("printing the report: %w", err)
	}
}

func (r *report) step(s step) {
	verb := [...]string{present: "present", absent: "made", differs: "changed"}[s.state]
	if r.dry {
		verb = [...]string{present: "present", absent: "would make", differs: "would change"}[s.state]
	}
	note := ""
	if s.note != "" {
		note = " (" + s.note + ")"
	}
	r.line("%-12s %-14s %s%s", verb, s.kind, s.name, note)
}

func (r *report) policies(all []Policy) {
	for _, p := range all {
		r.line("\n# ---- policy %s ----\n%s", p.Name, p.Text)
	}
}

func (r *report) wrote(path string) { r.line("%-12s %-14s %s", "written", "credential", path) }

func (r *report) wouldWrite(paths ...string) {
	for _, path := range paths {
		r.line("%-12s %-14s %s", "would write", "credential", path)
	}
}

// defaultDir is where the advice puts credentials that nobody has named a place for.
const defaultDir = "/etc/signet/credentials"

// advice says what to put where: in the configuration that it was given, or in
// the one that is still to be written.
func (r *report) advice(c *Config) {
	role, secret := c.RoleIDFile, c.SecretIDFile
	switch dir, err := filepath.Abs(c.CredentialsDir); {
	case c.CredentialsDir != "" && err == nil:
		role, secret = filepath.Join(dir, "role_id"), filepath.Join(dir, "secret_id")
	case role == "" || secret == "":
		role, secret = filepath.Join(defaultDir, "role_id"), filepath.Join(defaultDir, "secret_id")
	}
	if c.CredentialsDir == "" {
		path := "auth/" + c.AppRoleMount + "/role/" + Issuer
		r.line("\nOn each host that runs Signet, as its user, with a token that may use the role:\n")
		r.line("  umask 077; mkdir -p %s", filepath.Dir(secret))
		r.line("  vault read  -field=role_id %s/role-id > %s", path, role)
		r.line("  vault write -f -field=secret_id %s/secret-id > %s", path, secret)
	}
	r.configuration(c, role, secret)
	r.keeper(c)
	r.line("\nThe AppRole %s is another identity, which rotates and cannot sign: never give its secret id\nto whom the issuer's is given.", Keeper)
	r.line("An auditor logs in as a person; give that login the policy %s.", Auditor)
}

// keeper says what makes a process keep the rings.
func (r *report) keeper(c *Config) {
	dir := "/etc/signet/keeper"
	if abs, err := filepath.Abs(c.KeeperCredentialsDir); c.KeeperCredentialsDir != "" && err == nil {
		dir = abs
	}
	r.line("\nand, where keys shall be rotated and retired by themselves (`signet keeper`, or `signet serve` itself):\n")
	r.line("keeper:\n  vault:\n    auth:\n      method: approle")
	if c.AppRoleMount != DefaultAppRoleMount {
		r.line("      mount: %s", c.AppRoleMount)
	}
	r.line("      role_id: {file: %s}\n      secret_id: {file: %s}", filepath.Join(dir, "role_id"), filepath.Join(dir, "secret_id"))
}

func (r *report) configuration(c *Config, role, secret string) {
	file, address := c.ConfigPath, c.Address
	if file == "" {
		file = "signet.yaml"
	}
	if address == "" {
		address = "https://vault.example.com:8200"
	}
	r.line("\nIn %s:\n", file)
	r.line("vault:\n  address: %s", address)
	if strings.HasPrefix(address, "http:") {
		r.line("  insecure: true")
	}
	r.line("  transit_mount: %s\n  auth:\n    method: approle", c.Mount)
	if c.AppRoleMount != DefaultAppRoleMount {
		r.line("    mount: %s", c.AppRoleMount)
	}
	r.line("    role_id: {file: %s}\n    secret_id: {file: %s}", role, secret)
	if c.MACKey != DefaultMACKey {
		r.line("refresh:\n  mac_key: %s", c.MACKey)
	}
}
