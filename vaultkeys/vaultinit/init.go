package vaultinit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"signet/internal/transitname"
	"signet/vaultkeys"
)

// Conn is the operator's connection to Vault; *vaultapi.Conn fits it.
type Conn interface {
	vaultkeys.Reader
	vaultkeys.Writer
}

// The defaults of [Config].
const (
	DefaultMount        = "transit"
	DefaultAppRoleMount = "approle"
	DefaultMACKey       = "signet-refresh"
)

// Config is what [Run] makes.
type Config struct {
	// Conn is the operator's connection. Required.
	Conn Conn
	// Mount is the path of the transit engine; "" = transit.
	Mount string
	// AppRoleMount is the path of the AppRole auth method; "" = approle.
	AppRoleMount string
	// Rings are the key rings; name, algorithm and RSA bits are used. At least one.
	Rings []vaultkeys.RingConfig
	// MACKey is the hmac key behind refresh tokens; "" = signet-refresh.
	MACKey string
	// DryRun prints what would be done, and the policies, and writes nothing.
	DryRun bool
	// DedicatedMount has Vault write what is signed, its jti and the key version
	// readably into its audit log, instead of hashed: see [ClearRequestKeys].
	DedicatedMount bool
	// NarrowPolicies lets a policy lose paths that it has now. Without it that is
	// refused: policy names are fixed, so another configuration may share them.
	NarrowPolicies bool
	// CredentialsDir is where the issuer's role_id and a fresh secret_id are
	// written, made with mode 0700 if absent; "" = only say how to get them.
	// KeeperCredentialsDir is the same for the keeper, and another directory:
	// whoever serves tokens must not be able to rotate keys.
	CredentialsDir, KeeperCredentialsDir string
	// ConfigPath and Address are Signet's configuration file and Vault's URL,
	// as the closing advice shows them; "" = placeholders.
	ConfigPath, Address string
	// RoleIDFile and SecretIDFile are where that configuration reads the
	// issuer's credentials from; "" = it does not say.
	RoleIDFile, SecretIDFile string
	// Out takes the report. Required.
	Out io.Writer
}

func (c *Config) defaults() {
	fill := func(s *string, otherwise string) {
		if *s = strings.Trim(*s, "/"); *s == "" {
			*s = otherwise
		}
	}
	fill(&c.Mount, DefaultMount)
	fill(&c.AppRoleMount, DefaultAppRoleMount)
	fill(&c.MACKey, DefaultMACKey)
}

// check refuses names that could not be written into policies as they are.
func (c *Config) check() error {
	if c.CredentialsDir != "" && filepath.Clean(c.CredentialsDir) == filepath.Clean(c.KeeperCredentialsDir) {
		return errSameDir
	}
	var problems []error
	refuse := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if !transitname.Mount(c.Mount) {
		refuse("transit mount %q is not a path of letters, digits, '_', '.' and '-'", c.Mount)
	}
	if !transitname.Mount(c.AppRoleMount) {
		refuse("AppRole mount %q is not a path of letters, digits, '_', '.' and '-'", c.AppRoleMount)
	}
	if len(c.Rings) == 0 {
		refuse("there is no key ring: name at least one in the configuration")
	}
	seen := map[string]bool{}
	for _, k := range c.keys() {
		switch {
		case !transitname.Key(k.name):
			refuse("key name %q is not letters, digits, '_' and '-'", k.name)
		case k.params.KeyType == "":
			refuse("ring %s: %q is not an algorithm that Signet signs with", k.name, k.algorithm)
		case seen[k.name]:
			refuse("key name %s is used twice: one transit key has one use", k.name)
		}
		seen[k.name] = true
	}
	return errors.Join(problems...)
}

// Run looks at Vault first and refuses with everything that stands in the way
// before it writes anything: an engine of another type under a mount, a key of
// another type or one that can leave Vault. Then it makes what is missing. An
// error from Vault while writing leaves a state from which Run goes on when
// run again.
func Run(ctx context.Context, cfg Config) error {
	cfg.defaults()
	if err := cfg.check(); err != nil {
		return fmt.Errorf("preparing Vault: %w", err)
	}
	policies, err := Policies(cfg)
	if err != nil {
		return err
	}
	s := survey{cfg: &cfg, paths: vaultkeys.Paths{Mount: cfg.Mount}}
	steps, err := s.all(ctx, policies)
	if err != nil {
		return fmt.Errorf("preparing Vault: %w", err)
	}
	r := &report{out: cfg.Out, dry: cfg.DryRun}
	for _, step := range steps {
		if !cfg.DryRun && step.do != nil {
			if err := step.do(ctx); err != nil {
				return fmt.Errorf("%s %s: %w", step.kind, step.name, err)
			}
		}
		r.step(step)
	}
	if cfg.DryRun {
		r.policies(policies)
	}
	if err := cfg.credentials(ctx, r); err != nil {
		return err
	}
	r.advice(&cfg)
	return r.err
}
