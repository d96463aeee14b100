package vaultcheck_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/signer"
	"signet/vaultkeys"
	"signet/vaultkeys/vaultapi"
	"signet/vaultkeys/vaultcheck"
	"signet/vaultkeys/vaulttest"
)

// login is one login to the fake transit engine: what its token is, what the
// policy allows beside that engine, and what it refuses there. The policies
// themselves are tested against a real Vault, in integration.
type login struct {
	vault  *vaulttest.Fake
	stored map[string]map[string]any // what a read outside transit answers
	extra  map[string]map[string]any // added to what a read of a key answers
	may    map[string][]string       // capabilities by path
	deny   func(path string, in map[string]any) bool
	fail   map[string]error // by path
	wrote  []string
}

func (l *login) Read(ctx context.Context, path string, out any) (vaultapi.Meta, error) {
	if err := l.fail[path]; err != nil {
		return vaultapi.Meta{}, err
	}
	if data, ok := l.stored[path]; ok {
		return vaultapi.Meta{}, recode(data, out)
	}
	if !strings.HasPrefix(path, "transit/") {
		return vaultapi.Meta{}, fmt.Errorf("fake: read %s: %w", path, vaultapi.ErrPermissionDenied)
	}
	data := map[string]any{}
	meta, err := l.vault.Read(ctx, path, &data)
	if err != nil || out == nil {
		return meta, err
	}
	maps.Copy(data, l.extra[path])
	return meta, recode(data, out)
}

func (l *login) Write(ctx context.Context, path string, in, out any) (vaultapi.Meta, error) {
	l.wrote = append(l.wrote, path)
	if err := l.fail[path]; err != nil {
		return vaultapi.Meta{}, err
	}
	params := map[string]any{}
	if err := recode(in, &params); err != nil {
		return vaultapi.Meta{}, err
	}
	if path == "sys/capabilities-self" {
		if paths, _ := params["paths"].([]any); len(paths) > mostPaths {
			return vaultapi.Meta{}, fmt.Errorf("fake: %d paths at once: %w", len(paths), vaultapi.ErrUnavailable)
		}
		return vaultapi.Meta{}, recode(l.capabilities(params), out)
	}
	if l.deny != nil && l.deny(path, params) {
		return vaultapi.Meta{}, fmt.Errorf("fake: write %s: %w", path, vaultapi.ErrPermissionDenied)
	}
	return l.vault.Write(ctx, path, in, out)
}

// mostPaths stands for the time that Vault takes, which grows with the paths of one
// request and with the rings of the policy, until it is longer than a request may last.
const mostPaths = 32

func (l *login) capabilities(params map[string]any) map[string][]string {
	answer := map[string][]string{}
	paths, _ := params["paths"].([]any)
	for _, p := range paths {
		path, _ := p.(string)
		if answer[path] = l.may[path]; answer[path] == nil {
			answer[path] = []string{"deny"}
		}
	}
	return answer
}

func recode(in, out any) error {
	text, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, out)
}

// setUp is a Vault that is set up as it should be, and its three logins.
type setUp struct {
	vault                    *vaulttest.Fake
	issuer, keeper, operator *login
	cfg                      vaultcheck.Config
	now                      time.Time
}

const macKey = "signet-refresh"

func newSetUp(t *testing.T) *setUp {
	t.Helper()
	s := &setUp{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	s.vault = vaulttest.New(func() time.Time { return s.now })
	s.vault.Strict = true
	s.vault.CreateKey("es", "ecdsa-p256")
	s.vault.CreateKey("ed", "ed25519")
	s.vault.CreateKey("hs", "hmac")
	s.vault.CreateKey(macKey, "hmac")
	s.issuer = &login{vault: s.vault, deny: issuerDenies, stored: map[string]map[string]any{
		"auth/token/lookup-self":         self("signet-issuer"),
		"sys/internal/ui/mounts/transit": {"type": "transit", "config": map[string]any{}},
	}}
	s.keeper = &login{vault: s.vault, deny: keeperDenies, stored: map[string]map[string]any{"auth/token/lookup-self": self("signet-keeper")}, may: map[string][]string{}}
	s.operator = &login{vault: s.vault, stored: map[string]map[string]any{"sys/audit": {"file/": map[string]any{"type": "file", "options": map[string]any{}}}}}
	for _, l := range []*login{s.issuer, s.keeper, s.operator} {
		l.fail, l.extra = map[string]error{}, map[string]map[string]any{}
	}
	s.issuer.may = map[string][]string{}
	for _, ring := range []string{"es", "ed", "hs"} {
		for _, verb := range []string{"rotate", "config", "trim"} {
			s.keeper.may["transit/keys/"+ring+"/"+verb] = []string{"update"}
		}
	}
	s.cfg = vaultcheck.Config{
		Issuer: s.issuer, Keeper: s.keeper, Operator: s.operator, MACKey: macKey, ClockSkew: 5 * time.Second,
		Rings: []vaultkeys.RingConfig{{Name: "es", Algorithm: signer.ES256}, {Name: "ed", Algorithm: signer.EdDSA}, {Name: "hs", Algorithm: signer.HS256}},
		Now:   func() time.Time { return s.now },
	}
	return s
}

func self(policies ...string) map[string]any {
	return map[string]any{
		"accessor": "accessor-of-" + policies[0], "entity_id": "entity-of-" + policies[0], "policies": policies, "ttl": 3600, "expire_time": "2026-03-01T13:00:00Z",
	}
}

// issuerDenies is the lock on the key behind refresh tokens; vaulttest.Fake has
// that of the rings.
func issuerDenies(path string, in map[string]any) bool {
	return path == "transit/hmac/"+macKey && in["input"] != "c2lnbmV0IHJlZnJlc2ggdjE="
}

func keeperDenies(path string, in map[string]any) bool {
	for _, flag := range []string{"exportable", "allow_plaintext_backup", "deletion_allowed"} {
		if _, ok := in[flag]; ok {
			return true
		}
	}
	return !strings.HasPrefix(path, "transit/keys/")
}

// lacks is the keeper's policy without these parameters of transit/keys/{path}.
func lacks(path string, parameters ...string) func(string, map[string]any) bool {
	return func(p string, in map[string]any) bool {
		without := p == "transit/keys/"+path && slices.ContainsFunc(parameters, func(name string) bool { _, ok := in[name]; return ok })
		return without || keeperDenies(p, in)
	}
}

// keysNow is what Vault says of every key.
func (s *setUp) keysNow(t *testing.T) map[string]map[string]any {
	t.Helper()
	all := map[string]map[string]any{}
	for _, name := range []string{"es", "ed", "hs", macKey} {
		data := map[string]any{}
		if _, err := s.vault.Read(t.Context(), "transit/keys/"+name, &data); err != nil {
			t.Fatal(err)
		}
		all[name] = data
	}
	return all
}

// found are the findings' first words, and want compares them.
func (s *setUp) found(t *testing.T) (all []string, passed int) {
	t.Helper()
	report, err := vaultcheck.Run(t.Context(), s.cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Findings {
		if f.Problem == "" || f.Remedy == "" || strings.ContainsAny(f.String(), "\n") {
			t.Errorf("a finding in need of words: %q", f)
		}
		all = append(all, f.String())
	}
	return all, report.Passed
}

func (s *setUp) want(t *testing.T, lines ...string) {
	t.Helper()
	got, _ := s.found(t)
	if !slices.EqualFunc(got, lines, func(got, want string) bool {
		return strings.HasPrefix(strings.Join(strings.Fields(got), " "), want)
	}) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(lines, "\n"))
	}
}
