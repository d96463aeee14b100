package vaultcheck_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/signer"
	"signet/vaultkeys/vaultapi"
	"signet/vaultkeys/vaultcheck"
)

func TestARightSetUp(t *testing.T) {
	s := newSetUp(t)
	for range 2 {
		s.vault.Rotate("es")
	}
	s.vault.Configure("es", 2, 2)
	before := s.keysNow(t)
	s.want(t)
	if after := s.keysNow(t); !reflect.DeepEqual(before, after) {
		t.Errorf("it changed keys: from\n%v\nto\n%v", before, after)
	}
	if _, passed := s.found(t); passed < 40 {
		t.Errorf("only %d checks", passed)
	}
	for _, l := range []*login{s.issuer, s.keeper, s.operator} {
		for _, path := range l.wrote {
			for _, never := range []string{"rotate", "export", "backup", "restore", "import", "policies"} {
				if strings.Contains(path, never) {
					t.Errorf("it tried %s", path)
				}
			}
		}
	}
}

// TestFindings: each fault is found, with its remedy, and nothing else is.
func TestFindings(t *testing.T) {
	denied := func(path string) error { return fmt.Errorf("fake: %s: %w", path, vaultapi.ErrPermissionDenied) }
	for name, c := range map[string]struct {
		damage func(*setUp)
		want   []string
	}{
		"exportable and deletable": {func(s *setUp) { s.vault.Flags("es", true, false, true) }, []string{
			"fail transit/keys/es: is exportable, so its private key can leave Vault; Vault cannot undo that: write another key name under rings in signet.yaml, then run `signet vault init --config signet.yaml --narrow-policies`",
			"warn transit/keys/es: may be deleted",
		}},
		"open in every way": {func(s *setUp) { s.vault.Flags(macKey, true, true, false) }, []string{
			"fail transit/keys/signet-refresh: is exportable",
			"fail transit/keys/signet-refresh: allows plaintext backups, so its private key can leave Vault; Vault cannot undo that: write another key name under refresh.mac_key",
		}},
		"of another type": {func(s *setUp) { s.cfg.Rings[0].Algorithm = signer.ES512 }, []string{`fail transit/keys/es: is of type "ecdsa-p256" and the configuration needs "ecdsa-p521"`}},
		"missing":         {func(s *setUp) { s.vault.DeleteKey("es") }, []string{"fail transit/keys/es: the key does not exist"}},
		"derived":         {func(s *setUp) { s.issuer.extra["transit/keys/ed"] = map[string]any{"derived": true} }, []string{"fail transit/keys/ed: is derived"}},
		"imported": {func(s *setUp) {
			s.issuer.extra["transit/keys/ed"] = map[string]any{"imported_key": true, "imported_key_allow_rotation": false}
		}, []string{"warn transit/keys/ed: was imported, so its private key has been outside Vault", "fail transit/keys/ed: was imported without allow_rotation"}},
		"imported and rotatable": {func(s *setUp) {
			s.issuer.extra["transit/keys/ed"] = map[string]any{"imported_key": true, "imported_key_allow_rotation": true}
		}, []string{"warn transit/keys/ed: was imported"}},
		"older than two years":  {func(s *setUp) { s.vault.Created("es", 1, s.now.Add(-17521*time.Hour)) }, []string{"warn transit/keys/es: its newest version 1 is 730 days old"}},
		"two years old":         {func(s *setUp) { s.vault.Created("es", 1, s.now.Add(-17520*time.Hour)) }, nil},
		"rotated and fenced":    {func(s *setUp) { s.vault.Rotate("es"); s.vault.Configure("es", 2, 2) }, nil},
		"an HS256 ring retired": {func(s *setUp) { s.vault.Rotate("hs"); s.vault.Configure("hs", 2, 2) }, nil},
		"a clock ahead":         {func(s *setUp) { s.vault.Skew(-10 * time.Second) }, []string{"fail clock: this host is 9s ahead of Vault, clock_skew is 5s"}},
		"a clock behind":        {func(s *setUp) { s.vault.Skew(6 * time.Second) }, []string{"fail clock: this host is 6s behind Vault"}},
		"clocks that agree":     {func(s *setUp) { s.vault.Skew(5 * time.Second) }, nil},
		"no clock":              {func(s *setUp) { s.vault.WithoutDate(true) }, []string{"unknown clock: Vault's answer has no Date header"}},

		"unpinned": {func(s *setUp) { s.vault.Strict = false }, []string{
			`fail transit/sign/es: the issuer may sign with whatever version is the latest, which no header can name: Vault lets no key_version, key_version "0", key_version "" through (its policies: signet-issuer)`,
			"fail transit/sign/ed: the issuer may sign", "fail transit/hmac/hs: the issuer may sign", "fail transit/hmac/signet-refresh: the issuer may derive",
		}},
		"any label":       {func(s *setUp) { s.issuer.deny = nil }, []string{"fail transit/hmac/signet-refresh: the issuer may derive more than the one secret behind refresh tokens: Vault lets another label through"}},
		"no signatures":   {func(s *setUp) { s.issuer.fail["transit/sign/es"] = denied("x") }, []string{"fail transit/sign/es: Vault refuses the issuer what it needs"}},
		"no verification": {func(s *setUp) { s.issuer.fail["transit/verify/hs"] = denied("x") }, []string{"fail transit/verify/hs: Vault refuses the issuer what it needs"}},
		"a broken key":    {func(s *setUp) { s.issuer.fail["transit/sign/es"] = vaultapi.ErrBadRequest }, []string{"fail transit/sign/es: Vault refuses the issuer what it needs (vault refused the request); compare the key with the configuration: `vault read transit/keys/es`", "fail transit/sign/es: the issuer may sign with whatever version"}},
		"an unread key":   {func(s *setUp) { s.issuer.fail["transit/keys/es"] = denied("x") }, []string{"fail transit/keys/es: the issuer may not read it"}},
		"no self":         {func(s *setUp) { delete(s.issuer.stored, "auth/token/lookup-self") }, []string{"unknown issuer: its token may not look itself up"}},
		"no capabilities": {func(s *setUp) { s.issuer.fail["sys/capabilities-self"] = denied("x") }, []string{"unknown issuer: its token may not ask sys/capabilities-self"}},
		"the default":     {func(s *setUp) { s.issuer.stored["auth/token/lookup-self"]["identity_policies"] = []string{"default"} }, []string{"warn issuer: its token has the policy default"}},
		"a root token":    {func(s *setUp) { s.issuer.stored["auth/token/lookup-self"] = self("root"); s.vault.Strict = false }, []string{"fail issuer: its token is a root token"}},
		"an endless token": {func(s *setUp) {
			s.issuer.stored["auth/token/lookup-self"] = map[string]any{"policies": []string{"signet-issuer"}}
		}, []string{"fail issuer: its token never expires"}},
		"a right too many": {func(s *setUp) {
			s.issuer.may["transit/keys/es/rotate"] = []string{"update"}
			s.issuer.may["transit/keys/signet-refresh/rotate"] = []string{"create", "update"}
			s.issuer.may["sys/policies/acl/signet-issuer"] = []string{"read"}
			s.issuer.may["transit/keys/ed"] = []string{"list", "read"}
		}, []string{"fail issuer: may rotate a key: transit/keys/es/rotate (update), transit/keys/signet-refresh/rotate (create, update) (its policies: signet-issuer); `signet vault init --config signet.yaml --narrow-policies` writes the policy signet-issuer"}},
		"an exact hash": {func(s *setUp) {
			for _, path := range []string{"sign/es/sha3-224", "sign/es/sha3-256", "hmac/es/sha3-384", "sign/ed/sha3-512"} {
				s.issuer.may["transit/"+path] = []string{"update"}
			}
		}, []string{"fail issuer: may sign past the lock of its policy: transit/sign/es/sha3-224 (update), transit/sign/es/sha3-256 (update), transit/hmac/es/sha3-384 (update), transit/sign/ed/sha3-512 (update)"}},
		"no hash":                {func(s *setUp) { s.keeper.may["transit/sign/es/none"] = []string{"update"} }, []string{"fail keeper: may sign: transit/sign/es/none (update)"}},
		"reading what is secret": {func(s *setUp) { s.issuer.may["transit/backup/es"] = []string{"read"} }, []string{"fail issuer: may back up a key: transit/backup/es (read)"}},
		"what Vault invents":     {func(s *setUp) { s.issuer.may["sys/seal"] = []string{"new"} }, []string{"fail issuer: may seal Vault or read its storage: sys/seal (new)"}},

		"no keeper":              {func(s *setUp) { s.cfg.Keeper = nil }, nil},
		"a keeper that signs":    {func(s *setUp) { s.keeper.deny = nil }, []string{"fail transit/sign/es: the keeper may sign", "fail transit/sign/ed: the keeper may sign", "fail transit/hmac/hs: the keeper may sign", "fail transit/keys/es/config: the keeper may open the key: Vault lets allow_plaintext_backup, deletion_allowed, exportable through", "fail transit/keys/ed/config", "fail transit/keys/hs/config"}},
		"a keeper that may sign": {func(s *setUp) { s.keeper.may["transit/hmac/"+macKey] = []string{"update"} }, []string{"fail keeper: may sign: transit/hmac/signet-refresh (update)"}},
		"a keeper of the MAC":    {func(s *setUp) { s.keeper.may["transit/keys/"+macKey+"/config"] = []string{"update"} }, []string{"fail keeper: may change the key behind refresh tokens"}},
		"a lame keeper":          {func(s *setUp) { delete(s.keeper.may, "transit/keys/es/rotate") }, []string{"fail transit/keys/es/rotate: the keeper may not write to it"}},
		"a keeper that cannot fence": {func(s *setUp) { s.keeper.deny = lacks("es/config", "min_encryption_version") }, []string{
			"fail transit/keys/es/config: the keeper may not raise min_encryption_version, so it cannot fence a version (its policies: signet-keeper); `signet vault init --config signet.yaml` writes the policy signet-keeper, which allows it",
		}},
		"a keeper that cannot retire": {func(s *setUp) {
			s.keeper.deny = lacks("es/config", "min_encryption_version", "min_decryption_version")
		}, []string{
			"fail transit/keys/es/config: the keeper may not raise min_encryption_version, so it cannot fence a version",
			"fail transit/keys/es/config: the keeper may not raise min_decryption_version, so it cannot retire a version",
		}},
		"a keeper that cannot trim": {func(s *setUp) { s.keeper.deny = lacks("hs/trim", "min_available_version") }, []string{"fail transit/keys/hs/trim: the keeper may not raise min_available_version, so it cannot trim what is retired"}},
		"a blind keeper":            {func(s *setUp) { s.keeper.fail["transit/keys/es"] = denied("x") }, []string{"fail transit/keys/es: the keeper may not read it"}},
		"one token":                 {func(s *setUp) { s.keeper.stored["auth/token/lookup-self"]["accessor"] = "accessor-of-signet-issuer" }, []string{"fail keeper: is the same identity"}},
		"one role":                  {func(s *setUp) { s.keeper.stored["auth/token/lookup-self"]["entity_id"] = "entity-of-signet-issuer" }, []string{"fail keeper: is the same identity"}},
		"a root keeper":             {func(s *setUp) { s.keeper.stored["auth/token/lookup-self"] = self("root"); s.keeper.deny = nil }, []string{"fail keeper: its token is a root token"}},

		"no operator": {func(s *setUp) { s.cfg.Operator = nil }, []string{"unknown sys/audit: only an operator may read it"}},
		"no device":   {func(s *setUp) { s.operator.stored["sys/audit"] = map[string]any{} }, []string{"warn sys/audit: no audit device is enabled"}},
		"a raw device": {func(s *setUp) {
			s.operator.stored["sys/audit"]["b/"] = map[string]any{"options": map[string]any{"log_raw": "TRUE"}}
			s.operator.stored["sys/audit"]["a/"] = map[string]any{"options": map[string]any{"log_raw": "1"}}
		}, []string{"fail sys/audit/a/: log_raw is set", "fail sys/audit/b/: log_raw is set"}},
		"a clear secret": {func(s *setUp) {
			s.issuer.stored["sys/internal/ui/mounts/transit"]["config"] = map[string]any{"audit_non_hmac_response_keys": []string{"hmac", "key_version"}}
		}, []string{"fail sys/mounts/transit/tune: audit_non_hmac_response_keys has hmac, so Vault's audit log holds the secret behind refresh tokens; `vault write sys/mounts/transit/tune audit_non_hmac_response_keys=key_version`"}},
		"clear signatures": {func(s *setUp) {
			s.issuer.stored["sys/internal/ui/mounts/transit"]["config"] = map[string]any{"audit_non_hmac_response_keys": []string{"batch_results", "a", "signature", "b"}}
		}, []string{"fail sys/mounts/transit/tune: audit_non_hmac_response_keys has batch_results, signature, so Vault's audit log holds signatures, and with what was signed each is a whole token; `vault write sys/mounts/transit/tune audit_non_hmac_response_keys=a,b`; then keep that log like the tokens"}},
		"everything clear": {func(s *setUp) {
			s.issuer.stored["sys/internal/ui/mounts/transit"]["config"] = map[string]any{
				"audit_non_hmac_response_keys": []string{"signature", "hmac", "key_version"}, "audit_non_hmac_request_keys": []string{"input", "hmac"},
			}
		}, []string{
			"fail sys/mounts/transit/tune: audit_non_hmac_response_keys has hmac, so Vault's audit log holds the secret behind refresh tokens; `vault write sys/mounts/transit/tune audit_non_hmac_response_keys=key_version`; then log everybody out",
			"fail sys/mounts/transit/tune: audit_non_hmac_response_keys has signature, so Vault's audit log holds signatures, and with what was signed each is a whole token; `vault write sys/mounts/transit/tune audit_non_hmac_response_keys=key_version`; then keep",
			"fail sys/mounts/transit/tune: audit_non_hmac_request_keys has hmac, so Vault's audit log holds signatures, and with what was signed each is a whole token; `vault write sys/mounts/transit/tune audit_non_hmac_request_keys=input`; then keep",
		}},
		"clear inputs": {func(s *setUp) {
			s.issuer.stored["sys/internal/ui/mounts/transit"]["config"] = map[string]any{"audit_non_hmac_request_keys": []string{"input", "reference"}, "audit_non_hmac_response_keys": []string{"key_version"}}
		}, nil},
		"a mount that hides": {func(s *setUp) { delete(s.issuer.stored, "sys/internal/ui/mounts/transit") }, []string{"unknown sys/mounts/transit/tune: it could not be read"}},
		"a mount for an operator": {func(s *setUp) {
			s.operator.stored["sys/internal/ui/mounts/transit"], s.issuer.stored["sys/internal/ui/mounts/transit"] = s.issuer.stored["sys/internal/ui/mounts/transit"], nil
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSetUp(t)
			c.damage(s)
			s.want(t, c.want...)
		})
	}
}

// TestVaultAway: an outage is an error, and no finding: nothing is wrong with
// the set-up.
func TestVaultAway(t *testing.T) {
	s := newSetUp(t)
	s.vault.Fail(func(_, path string) error {
		if path == "transit/sign/ed" {
			return vaultapi.ErrSealed
		}
		return nil
	})
	report, err := vaultcheck.Run(t.Context(), s.cfg)
	if !errors.Is(err, vaultapi.ErrSealed) || len(report.Findings) != 0 || report.Passed == 0 {
		t.Errorf("%v, %d passed, %v", err, report.Passed, report.Findings)
	}
	s = newSetUp(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := vaultcheck.Run(ctx, s.cfg); err == nil {
		t.Error("a context that ended is no error")
	}
}

// TestLoginsRefused: nothing can be checked with a login that Vault refuses,
// which is a finding; the others are checked all the same.
func TestLoginsRefused(t *testing.T) {
	s := newSetUp(t)
	no := fmt.Errorf("%w: %w", vaultapi.ErrLogin, &vaultapi.Error{Op: "login", Path: "auth/approle/login", Status: 400, Messages: []string{"invalid role or secret ID"}})
	for path := range s.issuer.stored {
		s.issuer.fail[path] = no
	}
	s.want(t, "fail issuer: Vault refuses the login of vault.auth", "unknown sys/mounts/transit/tune: it could not be read")
	s.keeper.fail["auth/token/lookup-self"], s.operator.fail["sys/audit"] = no, no
	s.want(t, "fail issuer: Vault refuses the login", "fail keeper: Vault refuses the login of keeper.vault.auth",
		"unknown sys/mounts/transit/tune: it could not be read", "unknown sys/audit: Vault refuses the operator's token")
	s.issuer.fail["auth/token/lookup-self"] = vaultapi.ErrLogin // Vault did not answer
	if _, err := vaultcheck.Run(t.Context(), s.cfg); !errors.Is(err, vaultapi.ErrLogin) {
		t.Errorf("an outage at login: %v", err)
	}
}

// TestOneOrder: two runs say the same, in the same order.
func TestOneOrder(t *testing.T) {
	var first []string
	for range 10 {
		s := newSetUp(t)
		s.vault.Strict, s.issuer.deny, s.keeper.deny = false, nil, nil
		s.vault.Flags("es", true, true, true)
		got, _ := s.found(t)
		if first == nil {
			first = got
		}
		if len(got) < 10 || !slices.Equal(first, got) {
			t.Fatalf("%v\nthen\n%v", first, got)
		}
	}
}

// TestProbeIsNoToken: what is signed can be no JWS signing input, and stays what
// it is: whoever reads Vault's audit log knows it by it.
func TestProbeIsNoToken(t *testing.T) {
	if strings.Contains(vaultcheck.ProbeText, ".") || !strings.Contains(vaultcheck.ProbeText, " ") {
		t.Errorf("%q could be a signing input", vaultcheck.ProbeText)
	}
	got := map[signer.Algorithm]string{}
	for _, alg := range []signer.Algorithm{signer.ES256, signer.EdDSA, signer.HS256} {
		got[alg] = vaultcheck.ProbeInput(alg)
	}
	const text = "c2lnbmV0IHZhdWx0IGNoZWNrOiBuZXZlciBhIHRva2Vu"
	want := map[signer.Algorithm]string{signer.ES256: "EVvEcxzSRLvLwxpIdUdW16HfANw4ndzFwB7XcWvj7RU=", signer.EdDSA: text, signer.HS256: text}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
