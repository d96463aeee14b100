package vaultinit

import (
	"context"
	"errors"
	"fmt"

	"signet/signer"
	"signet/vaultkeys"
)

// key is one transit key that Signet needs.
type key struct {
	name      string
	use       string // as the configuration calls it
	setting   string // where the configuration names it
	algorithm signer.Algorithm
	params    vaultkeys.TransitParams
}

// keys are the rings' and the one behind refresh tokens.
func (c *Config) keys() []key {
	all := make([]key, 0, len(c.Rings)+1)
	for _, r := range c.Rings {
		all = append(all, key{
			name: r.Name, use: "ring of " + string(r.Algorithm), setting: "rings", algorithm: r.Algorithm,
			params: vaultkeys.ParamsOf(r.Algorithm, r.RSABits),
		})
	}
	return append(all, key{
		name: c.MACKey, use: "behind refresh tokens", setting: "refresh.mac_key",
		params: vaultkeys.TransitParams{KeyType: "hmac", KeySize: vaultkeys.HMACKeyBytes},
	})
}

// keyData is a key as it was found.
type keyData struct {
	vaultkeys.KeyData

	Imported bool `json:"imported_key"`
}

// newKey is the body that creates a key. The flags are Vault's defaults,
// written out so that its audit log shows what was asked for.
type newKey struct {
	Type                 string `json:"type"`
	KeySize              int    `json:"key_size,omitempty"`
	Exportable           bool   `json:"exportable"`
	AllowPlaintextBackup bool   `json:"allow_plaintext_backup"`
}

func (s *survey) key(ctx context.Context, k key) (step, error) {
	path := s.paths.Key(k.name)
	out := step{kind: "key", name: path, note: fmt.Sprintf("%s, %s", k.params.KeyType, k.use)}
	var d keyData
	found, err := s.read(ctx, path, &d)
	switch {
	case err != nil:
		return out, err
	case !found:
		out.state = absent
		out.do = func(ctx context.Context) error { return s.makeKey(ctx, k) }
	case d.Type == "":
		s.refuse("%s: what is there does not answer like a transit key", path)
	default:
		if err := k.fits(path, &d); err != nil {
			s.refuse("%w", err)
		}
		if d.Imported {
			out.note += "; imported: its private key was outside Vault once"
		}
		if d.DeletionAllowed {
			out.state = differs
			out.note += "; deletion_allowed was true, set back to false"
			out.do = func(ctx context.Context) error {
				return s.write(ctx, s.paths.KeyConfig(k.name), map[string]bool{"deletion_allowed": false})
			}
		}
	}
	return out, nil
}

// makeKey creates a key and looks at it: if somebody made one of that name a
// moment before, Vault answers as if it were ours.
func (s *survey) makeKey(ctx context.Context, k key) error {
	path := s.paths.Key(k.name)
	if err := s.write(ctx, path, newKey{Type: k.params.KeyType, KeySize: k.params.KeySize}); err != nil {
		return err
	}
	var d keyData
	if _, err := s.cfg.Conn.Read(ctx, path, &d); err != nil {
		return fmt.Errorf("looking at it: %w", err)
	}
	return k.fits(path, &d)
}

// fits refuses what no write can mend.
func (k key) fits(path string, d *keyData) error {
	var problems []error
	for _, what := range d.Unfit(k.params.KeyType) {
		problems = append(problems, fmt.Errorf("%s %s; Vault cannot undo that: write another key name under %s in the configuration and run this again", path, what, k.setting))
	}
	return errors.Join(problems...)
}
