package vaultinit_test

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"signet/signer"
	"signet/vaultkeys"
	"signet/vaultkeys/vaultapi"
	"signet/vaultkeys/vaultinit"
)

var twoRings = []vaultkeys.RingConfig{{Name: "web", Algorithm: signer.ES256}, {Name: "legacy", Algorithm: signer.HS256}}

// run is Run on two rings; change may alter the configuration.
func run(t *testing.T, f *fake, change func(*vaultinit.Config)) (string, error) {
	t.Helper()
	var out strings.Builder
	cfg := vaultinit.Config{Conn: f, Rings: twoRings, Out: &out}
	if change != nil {
		change(&cfg)
	}
	f.writes = nil
	err := vaultinit.Run(t.Context(), cfg)
	return out.String(), err
}

func mustRun(t *testing.T, f *fake, change func(*vaultinit.Config)) string {
	t.Helper()
	out, err := run(t, f, change)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return out
}

func wantWrites(t *testing.T, f *fake, want ...string) {
	t.Helper()
	if !slices.Equal(f.writes, want) {
		t.Errorf("written:\n %s\nwant:\n %s", strings.Join(f.writes, "\n "), strings.Join(want, "\n "))
	}
}

var everything = []string{
	"sys/mounts/transit", "transit/keys/web", "transit/keys/legacy", "transit/keys/signet-refresh",
	"sys/policies/acl/signet-issuer", "sys/policies/acl/signet-keeper", "sys/policies/acl/signet-auditor",
	"sys/auth/approle", "auth/approle/role/signet-issuer", "auth/approle/role/signet-keeper",
}

func TestFirstRunMakesEverything(t *testing.T) {
	f := newFake()
	out := mustRun(t, f, nil)
	wantWrites(t, f, everything...)
	if n := strings.Count(out, "\nmade "); n != len(everything)-1 { // the first line has no newline before it
		t.Errorf("%d lines of what was made:\n%s", n+1, out)
	}
	for path, want := range map[string]map[string]any{
		"transit/keys/web":            {"type": "ecdsa-p256", "exportable": false, "allow_plaintext_backup": false},
		"transit/keys/legacy":         {"type": "hmac", "key_size": 64.0, "exportable": false, "allow_plaintext_backup": false},
		"transit/keys/signet-refresh": {"type": "hmac", "key_size": 64.0, "exportable": false, "allow_plaintext_backup": false},
		"auth/approle/role/signet-issuer": {
			"token_no_default_policy": true, "token_type": "service", "bind_secret_id": true, "token_ttl": 3600.0, "token_max_ttl": 86400.0, "token_num_uses": 0.0,
		},
		"auth/approle/role/signet-keeper": {"token_no_default_policy": true, "token_type": "service", "bind_secret_id": true},
	} {
		for field, value := range want {
			if got := f.stored[path][field]; got != value {
				t.Errorf("%s: %s is %v, want %v", path, field, got, value)
			}
		}
	}
	for _, role := range []string{"signet-issuer", "signet-keeper"} {
		if got, _ := f.stored["auth/approle/role/"+role]["token_policies"].([]any); !slices.Equal(got, []any{role}) {
			t.Errorf("%s: policies %v", role, got)
		}
	}
	for _, advice := range []string{"vault write -f -field=secret_id auth/approle/role/signet-issuer/secret-id", "transit_mount: transit", "method: approle", "In signet.yaml:"} {
		if !strings.Contains(out, advice) {
			t.Errorf("the report does not say %q:\n%s", advice, out)
		}
	}
}

func TestSecondRunWritesNothing(t *testing.T) {
	f := newFake()
	mustRun(t, f, nil)
	out := mustRun(t, f, nil)
	wantWrites(t, f)
	if n := strings.Count(out, "present "); n != len(everything) {
		t.Errorf("%d things present, want %d:\n%s", n, len(everything), out)
	}
}

func TestDryRunWritesNothing(t *testing.T) {
	f, dir := newFake(), filepath.Join(t.TempDir(), "credentials")
	dry := func(c *vaultinit.Config) {
		c.DryRun, c.CredentialsDir, c.KeeperCredentialsDir = true, dir, dir+"-keeper"
	}
	out := mustRun(t, f, dry)
	wantWrites(t, f)
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the credentials directory was made: %v", err)
	}
	if n := strings.Count(out, "would make "); n != len(everything) {
		t.Errorf("%d things to be made, want %d", n, len(everything))
	}
	policies, err := vaultinit.Policies(vaultinit.Config{Rings: twoRings})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range policies {
		if !strings.Contains(out, p.Text) {
			t.Errorf("policy %s is not printed", p.Name)
		}
	}
	if !strings.Contains(out, "would write  credential     "+filepath.Join(dir+"-keeper", "secret_id")) {
		t.Errorf("the credentials to be written are not printed:\n%s", out)
	}
}

// TestRefusesWhatItCannotMend: all of it is said at once, with the remedy, and
// nothing at all was written.
func TestRefusesWhatItCannotMend(t *testing.T) {
	good := func(changes map[string]any) map[string]any {
		key := map[string]any{"type": "ecdsa-p256"}
		maps.Copy(key, changes)
		return key
	}
	const rename = "write another key name under rings"
	for name, c := range map[string]struct {
		path string
		data map[string]any
		want []string
	}{
		"another type":        {"transit/keys/web", good(map[string]any{"type": "rsa-2048"}), []string{`is of type "rsa-2048" and the configuration needs "ecdsa-p256"`, rename}},
		"exportable":          {"transit/keys/web", good(map[string]any{"exportable": true}), []string{"is exportable", "Vault cannot undo that", rename}},
		"plaintext backup":    {"transit/keys/web", good(map[string]any{"allow_plaintext_backup": true}), []string{"allows plaintext backups", "Vault cannot undo that", rename}},
		"derived":             {"transit/keys/web", good(map[string]any{"derived": true}), []string{"is derived", rename}},
		"two at once":         {"transit/keys/web", good(map[string]any{"exportable": true, "allow_plaintext_backup": true}), []string{"is exportable", "allows plaintext backups"}},
		"refresh key":         {"transit/keys/signet-refresh", good(nil), []string{`is of type "ecdsa-p256" and the configuration needs "hmac"`, "under refresh.mac_key"}},
		"not a key":           {"transit/keys/web", map[string]any{"value": "x"}, []string{"does not answer like a transit key"}},
		"another engine":      {"sys/mounts", map[string]any{"transit/": map[string]any{"type": "kv"}}, []string{`at transit/ there is "kv", not "transit"`, "vault.transit_mount"}},
		"another auth method": {"sys/auth", map[string]any{"approle/": map[string]any{"type": "jwt"}}, []string{`at approle/ there is "jwt", not "approle"`, "vault.auth.mount"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake()
			f.stored[c.path] = c.data
			// A second fault elsewhere must be in the same error.
			f.stored["transit/keys/legacy"] = map[string]any{"type": "hmac", "exportable": true}
			_, err := run(t, f, func(cfg *vaultinit.Config) { cfg.CredentialsDir = t.TempDir() })
			if err == nil {
				t.Fatal("it ran")
			}
			for _, want := range append(c.want, "transit/keys/legacy is exportable") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %q:\n%v", want, err)
				}
			}
			wantWrites(t, f)
		})
	}
}

func TestMendsWhatItCan(t *testing.T) {
	for name, c := range map[string]struct {
		path, field string
		before      any
		write       string
		after       any
		say         string
	}{
		"deletion allowed":  {"transit/keys/web", "deletion_allowed", true, "transit/keys/web/config", false, "deletion_allowed was true, set back to false"},
		"another policy":    {"sys/policies/acl/signet-issuer", "policy", `path "*" {}`, "sys/policies/acl/signet-issuer", nil, "it was another text"},
		"default policy":    {"auth/approle/role/signet-issuer", "token_no_default_policy", false, "auth/approle/role/signet-issuer", true, "changed"},
		"more policies":     {"auth/approle/role/signet-keeper", "token_policies", []any{"signet-keeper", "admin"}, "auth/approle/role/signet-keeper", nil, "changed"},
		"batch tokens":      {"auth/approle/role/signet-issuer", "token_type", "batch", "auth/approle/role/signet-issuer", "service", "changed"},
		"no secret id":      {"auth/approle/role/signet-issuer", "bind_secret_id", false, "auth/approle/role/signet-issuer", true, "changed"},
		"few uses":          {"auth/approle/role/signet-issuer", "token_num_uses", 10.0, "auth/approle/role/signet-issuer", 0.0, "changed"},
		"periodic":          {"auth/approle/role/signet-issuer", "token_period", 2592000.0, "auth/approle/role/signet-issuer", 0.0, "changed"},
		"too long":          {"auth/approle/role/signet-keeper", "token_max_ttl", 315360000.0, "auth/approle/role/signet-keeper", 86400.0, "changed"},
		"too long at first": {"auth/approle/role/signet-keeper", "token_ttl", 172800.0, "auth/approle/role/signet-keeper", 86400.0, "changed"},
		"short in all":      {"auth/approle/role/signet-issuer", "token_max_ttl", 600.0, "auth/approle/role/signet-issuer", 600.0, "changed"},
		"no lifetime":       {"auth/approle/role/signet-issuer", "token_ttl", 0.0, "auth/approle/role/signet-issuer", 3600.0, "changed"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake()
			mustRun(t, f, nil)
			f.stored[c.path][c.field] = c.before
			if out := mustRun(t, f, func(cfg *vaultinit.Config) { cfg.DryRun = true }); !strings.Contains(out, "would change ") || len(f.writes) != 0 {
				t.Errorf("dry run wrote %v and says:\n%s", f.writes, out)
			}
			out := mustRun(t, f, nil)
			wantWrites(t, f, c.write)
			if got := f.stored[c.path][c.field]; c.after != nil && got != c.after {
				t.Errorf("%s is %v, want %v", c.field, got, c.after)
			}
			if !strings.Contains(out, c.say) || !strings.Contains(out, "changed ") {
				t.Errorf("the report does not say %q:\n%s", c.say, out)
			}
			mustRun(t, f, nil)
			wantWrites(t, f)
		})
	}
}

// TestPolicyKeepsItsPaths: names are fixed, so a smaller configuration must not
// take the rights of a running replica away in passing.
func TestPolicyKeepsItsPaths(t *testing.T) {
	f := newFake()
	mustRun(t, f, nil)
	fewer := func(c *vaultinit.Config) { c.Rings = c.Rings[:1] }
	for _, dry := range []bool{true, false} {
		_, err := run(t, f, func(c *vaultinit.Config) { fewer(c); c.DryRun = dry })
		if err == nil || !strings.Contains(err.Error(), "transit/hmac/legacy") || !strings.Contains(err.Error(), "--narrow-policies") {
			t.Errorf("dry run %v: error %v, want one that names what would be lost", dry, err)
		}
		wantWrites(t, f)
	}
	mustRun(t, f, func(c *vaultinit.Config) { fewer(c); c.NarrowPolicies = true })
	wantWrites(t, f, "sys/policies/acl/signet-issuer", "sys/policies/acl/signet-keeper", "sys/policies/acl/signet-auditor")
	mustRun(t, f, nil) // and back: gaining needs no flag
}

func TestKeepsWhatIsTheOperators(t *testing.T) {
	f := newFake()
	mustRun(t, f, nil)
	f.stored["auth/approle/role/signet-issuer"]["token_ttl"] = 600.0
	f.stored["auth/approle/role/signet-issuer"]["token_max_ttl"] = 1200.0
	f.stored["transit/keys/web"]["min_encryption_version"] = 7.0
	f.stored["transit/keys/web"]["imported_key"] = true
	out := mustRun(t, f, nil)
	wantWrites(t, f)
	if !strings.Contains(out, "imported: its private key was outside Vault once") {
		t.Errorf("nothing is said of an imported key:\n%s", out)
	}
	f.stored["auth/approle/role/signet-issuer"]["token_type"] = "batch"
	mustRun(t, f, nil)
	if got := f.stored["auth/approle/role/signet-issuer"]["token_ttl"]; got != 600.0 {
		t.Errorf("token_ttl became %v", got)
	}
}

// TestSomebodyElseMadeTheKey: Vault answers the creation of a key that exists
// with success, whatever that key is.
func TestSomebodyElseMadeTheKey(t *testing.T) {
	f := newFake()
	f.meddle = func(path string) {
		if path == "transit/keys/web" {
			f.stored[path] = map[string]any{"type": "ecdsa-p256", "exportable": true}
		}
	}
	_, err := run(t, f, nil)
	if err == nil || !strings.Contains(err.Error(), "is exportable") {
		t.Errorf("error %v, want one about an exportable key", err)
	}
}

func TestGoesOnAfterAFailure(t *testing.T) {
	f := newFake()
	f.fail["write sys/auth/approle"] = vaultapi.ErrPermissionDenied
	_, err := run(t, f, nil)
	if !errors.Is(err, vaultapi.ErrPermissionDenied) || !strings.Contains(err.Error(), "auth method approle/") {
		t.Fatalf("error %v", err)
	}
	delete(f.fail, "write sys/auth/approle")
	mustRun(t, f, nil)
	wantWrites(t, f, "sys/auth/approle", "auth/approle/role/signet-issuer", "auth/approle/role/signet-keeper")

	for _, path := range []string{"sys/mounts", "transit/keys/web", "sys/policies/acl/signet-issuer", "auth/approle/role/signet-issuer"} {
		f := newFake()
		f.fail["read "+path] = vaultapi.ErrSealed
		if _, err := run(t, f, nil); !errors.Is(err, vaultapi.ErrSealed) || !strings.Contains(err.Error(), path) {
			t.Errorf("reading %s fails: %v", path, err)
		}
		wantWrites(t, f)
	}
}

func TestCredentials(t *testing.T) {
	f, dir := newFake(), filepath.Join(t.TempDir(), "new", "credentials")
	in := func(c *vaultinit.Config) { c.CredentialsDir, c.KeeperCredentialsDir = dir, dir+"-keeper" }
	out := mustRun(t, f, in)
	first, keeper := credentialFiles(t, dir), credentialFiles(t, dir+"-keeper")
	if want := "ROLE-auth/approle/role/signet-keeper"; keeper["role_id"] != want || first["role_id"] == want {
		t.Errorf("role ids: %v %v", first, keeper)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory: %v %v", info.Mode(), err)
	}
	again := credentialFiles(t, dir)
	out += mustRun(t, f, in)
	wantWrites(t, f, "auth/approle/role/signet-issuer/secret-id", "auth/approle/role/signet-keeper/secret-id")
	replaced := credentialFiles(t, dir)
	if first["role_id"] != replaced["role_id"] || again["secret_id"] == replaced["secret_id"] {
		t.Errorf("the second run wrote %v after %v", replaced, first)
	}
	if strings.Contains(out, "SECRET") {
		t.Errorf("a secret id is in the report:\n%s", out)
	}
	for _, want := range []string{"role_id: {file: " + dir + "/role_id}", "secret_id: {file: " + dir + "/secret_id}", "accessor-1"} {
		if !strings.Contains(out, want) {
			t.Errorf("the report does not say %q:\n%s", want, out)
		}
	}
}

// credentialFiles wants exactly the two, and mode 0600.
func credentialFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("%s has mode %v, %v", e.Name(), info.Mode(), err)
		}
		raw, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name()] = strings.TrimSpace(string(raw))
	}
	for _, name := range []string{"role_id", "secret_id"} {
		if out[name] == "" {
			t.Errorf("%s is missing or empty", name)
		}
	}
	if len(out) != 2 {
		t.Errorf("%d files: %v", len(out), out)
	}
	return out
}

func TestCredentialsFailures(t *testing.T) {
	for name, spoil := range map[string]func(f *fake, dir string) error{
		"no secret id": func(f *fake, _ string) error {
			f.fail["write auth/approle/role/signet-issuer/secret-id"] = errFake
			return nil
		},
		"no role id": func(f *fake, _ string) error {
			f.fail["read auth/approle/role/signet-keeper/role-id"] = errFake
			return nil
		},
		"a directory":     func(_ *fake, dir string) error { return os.MkdirAll(filepath.Join(dir, "role_id", "x"), 0o700) },
		"not a directory": func(_ *fake, dir string) error { return os.WriteFile(dir, nil, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			f, dir := newFake(), filepath.Join(t.TempDir(), "credentials")
			if err := spoil(f, dir); err != nil {
				t.Fatal(err)
			}
			if out, err := run(t, f, func(c *vaultinit.Config) { c.CredentialsDir, c.KeeperCredentialsDir = dir, dir+"-keeper" }); err == nil {
				t.Errorf("no error:\n%s", out)
			}
			left, err := filepath.Glob(filepath.Join(dir, ".*"))
			if err != nil || len(left) > 0 {
				t.Errorf("left behind: %v %v", left, err)
			}
		})
	}
}

func TestIssuerAndKeeperNeedADirectoryEach(t *testing.T) {
	f, dir := newFake(), t.TempDir()
	_, err := run(t, f, func(c *vaultinit.Config) { c.CredentialsDir, c.KeeperCredentialsDir = dir, dir+"/." })
	if err == nil || !strings.Contains(err.Error(), "directory each") {
		t.Errorf("error %v, want one about the directories", err)
	}
	wantWrites(t, f)
}

var errFake = errors.New("fake")

func TestOtherNames(t *testing.T) {
	f := newFake()
	out := mustRun(t, f, func(c *vaultinit.Config) {
		c.Mount, c.AppRoleMount, c.MACKey = "/team/transit/", "approle-signet/", "macs"
		c.ConfigPath, c.Address = "prod.yaml", "https://vault.internal"
	})
	for _, path := range []string{"sys/mounts/team/transit", "team/transit/keys/web", "team/transit/keys/macs", "sys/auth/approle-signet", "auth/approle-signet/role/signet-issuer"} {
		if !slices.Contains(f.writes, path) {
			t.Errorf("%s was not written: %v", path, f.writes)
		}
	}
	for _, want := range []string{"transit_mount: team/transit", "mount: approle-signet", "mac_key: macs", "In prod.yaml:", "address: https://vault.internal"} {
		if !strings.Contains(out, want) {
			t.Errorf("the report does not say %q:\n%s", want, out)
		}
	}
}

// TestAdviceFollowsTheConfiguration: what is printed can be pasted, and names
// the files that the configuration already reads.
func TestAdviceFollowsTheConfiguration(t *testing.T) {
	out := mustRun(t, newFake(), func(c *vaultinit.Config) {
		c.Address, c.RoleIDFile, c.SecretIDFile = "http://127.0.0.1:8200", "run/role", "run/secret"
	})
	for _, want := range []string{
		"insecure: true", "role_id: {file: run/role}", "secret_id: {file: run/secret}",
		"umask 077; mkdir -p run", "/role/signet-issuer/secret-id > run/secret",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the report does not say %q:\n%s", want, out)
		}
	}
}

// TestRefusesNamesThatWouldWriteThePolicy: what is rendered into HCL is checked
// here too, not only by config.
func TestRefusesNamesThatWouldWriteThePolicy(t *testing.T) {
	ring := func(name string, alg signer.Algorithm) func(*vaultinit.Config) {
		return func(c *vaultinit.Config) { c.Rings = []vaultkeys.RingConfig{{Name: name, Algorithm: alg}} }
	}
	for name, change := range map[string]func(*vaultinit.Config){
		"quote in a ring":  ring(`x" { capabilities = ["sudo"] } path "y`, signer.ES256),
		"glob in a ring":   ring("*", signer.ES256),
		"plus as a ring":   ring("+", signer.ES256),
		"slash in a ring":  ring("a/b", signer.ES256),
		"template":         ring("{{identity.entity.id}}", signer.ES256),
		"no algorithm":     ring("web", ""),
		"none":             ring("web", "none"),
		"no rings":         func(c *vaultinit.Config) { c.Rings = nil },
		"twice":            func(c *vaultinit.Config) { c.Rings = slices.Concat(twoRings, twoRings) },
		"ring and MAC key": func(c *vaultinit.Config) { c.MACKey = "web" },
		"glob in a mount":  func(c *vaultinit.Config) { c.Mount = "transit/*" },
		"dots in a mount":  func(c *vaultinit.Config) { c.Mount = "transit/../sys" },
		"AppRole mount":    func(c *vaultinit.Config) { c.AppRoleMount = "a b" },
		"quote in MAC key": func(c *vaultinit.Config) { c.MACKey = `a"` },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake()
			if out, err := run(t, f, change); err == nil {
				t.Errorf("it ran:\n%s", out)
			}
			wantWrites(t, f)
			cfg := vaultinit.Config{Rings: twoRings}
			change(&cfg)
			if _, err := vaultinit.Policies(cfg); err == nil {
				t.Error("policies were rendered")
			}
		})
	}
}

func TestReportThatCannotBePrinted(t *testing.T) {
	f := newFake()
	if _, err := run(t, f, func(c *vaultinit.Config) { c.Out = deafWriter{} }); !errors.Is(err, errFake) {
		t.Errorf("error %v", err)
	}
}

var _ vaultinit.Conn = (*vaultapi.Conn)(nil)

type deafWriter struct{}

func (deafWriter) Write([]byte) (int, error) { return 0, errFake }
