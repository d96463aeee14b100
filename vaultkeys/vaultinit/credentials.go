package vaultinit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// credentialsDir is where the role's files go; "" for nowhere.
func (c *Config) credentialsDir(role appRole) string {
	if role.name == Keeper {
		return c.KeeperCredentialsDir
	}
	return c.CredentialsDir
}

var errSameDir = errors.New("issuer and keeper need a credentials directory each: whoever reads both can sign and rotate")

// credentials writes each role's id and a fresh secret id. Earlier secret ids
// stay valid: other replicas may use them.
func (c *Config) credentials(ctx context.Context, r *report) error {
	for _, role := range roles {
		dir := c.credentialsDir(role)
		if dir == "" {
			continue
		}
		if c.DryRun {
			r.wouldWrite(filepath.Join(dir, "role_id"), filepath.Join(dir, "secret_id"))
			continue
		}
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("making the credentials directory: %w", err)
		}
		if err := c.credential(ctx, r, role); err != nil {
			return fmt.Errorf("credentials of %s: %w", role.name, err)
		}
	}
	return nil
}

func (c *Config) credential(ctx context.Context, r *report, role appRole) error {
	base := "auth/" + c.AppRoleMount + "/role/" + role.name
	var id struct {
		RoleID string `json:"role_id"`
	}
	if _, err := c.Conn.Read(ctx, base+"/role-id", &id); err != nil {
		return err
	}
	var secret struct {
		SecretID string `json:"secret_id"`
		Accessor string `json:"secret_id_accessor"`
	}
	if _, err := c.Conn.Write(ctx, base+"/secret-id", nil, &secret); err != nil {
		return err
	}
	if id.RoleID == "" || secret.SecretID == "" {
		return errors.New("vault's answer holds no role id or no secret id")
	}
	for _, f := range []struct{ name, content string }{{"role_id", id.RoleID}, {"secret_id", secret.SecretID}} {
		path := filepath.Join(c.credentialsDir(role), f.name)
		if err := replace(path, f.content+"\n"); err != nil {
			return err
		}
		r.wrote(path)
	}
	r.line("         (secret id accessor %s; the earlier ones stay valid)", secret.Accessor)
	return nil
}

// replace writes a file of mode 0600 so that a reader finds the old content or
// the new one, never half of it.
func replace(path, content string) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // 0600
	if err != nil {
		return fmt.Errorf("making a file: %w", err)
	}
	_, err = f.WriteString(content)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}
