package vaultinit

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// ClearRequestKeys are the members of a request that Vault logs as they are on a
// dedicated mount: what is signed (a digest, or for Ed25519 and HMAC the JWS
// signing input), its jti, and the key version. None is a secret, and no
// signature is among them
// (https://developer.hashicorp.com/vault/api-docs/system/mounts#tune-mount-configuration).
var ClearRequestKeys = []string{"input", "reference", "key_version"}

// clearLog tunes the transit engine so that its audit log can be read without
// asking Vault. It applies to every key of the engine, which is why it is asked
// for and no default.
func (s *survey) clearLog(ctx context.Context) (step, error) {
	var mounts map[string]mount
	if _, err := s.cfg.Conn.Read(ctx, "sys/mounts", &mounts); err != nil {
		return step{}, fmt.Errorf("looking at sys/mounts: %w", err)
	}
	path := "sys/mounts/" + s.cfg.Mount + "/tune"
	out := step{kind: "audit log", name: path, note: "readable: " + strings.Join(ClearRequestKeys, ", ")}
	now := mounts[s.cfg.Mount+"/"].Config.RequestKeys
	wanted := slices.Clone(now)
	for _, key := range ClearRequestKeys {
		if !slices.Contains(now, key) {
			wanted = append(wanted, key)
		}
	}
	if len(wanted) == len(now) {
		return out, nil
	}
	out.state = differs
	out.do = func(ctx context.Context) error {
		return s.write(ctx, path, map[string][]string{"audit_non_hmac_request_keys": wanted})
	}
	return out, nil
}
