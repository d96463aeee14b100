package integration_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"signet/integration"
)

// broken is one way in which a set-up is wrong.
type broken struct {
	name     string
	damage   func(t *testing.T, c *checked)
	finding  string // how its line begins, with the names of checked.path
	repaired func(t *testing.T, c *checked, finding string)
}

// TestVaultCheck: a set-up that is right passes; each that is broken is found,
// and the remedy that the finding names puts it right.
func TestVaultCheck(t *testing.T) {
	if !integration.OnlyOn(t, integration.Process, integration.Docker) {
		return // a Vault of its own: it is broken on purpose
	}
	vault := integration.NewVault(t)
	vault.Must(t, http.MethodPut, "sys/audit/file", map[string]any{"type": "file", "options": map[string]string{"file_path": "discard"}})
	// What one case leaves behind is right again, and so good for the next; only
	// after a failure everything is made anew.
	var c *checked
	for i, b := range slices.Concat(brokenKeys(), brokenPolicies(), brokenLogins(), brokenSurroundings()) {
		if c == nil {
			c = newChecked(t, vault, "check"+strconv.Itoa(i))
			c.wantRight(t)
		}
		repaired := t.Run(b.name, func(t *testing.T) {
			b.damage(t, c)
			b.repaired(t, c, c.wantFound(t, c.path(b.finding)))
			c.wantRight(t)
		})
		if !repaired {
			c = nil
		}
	}
}

// TestVaultCheckChangesNothing: the minimums that a check asks for are refused
// by Vault itself, also where a smaller one would be accepted, so every key is
// afterwards what it was.
func TestVaultCheckChangesNothing(t *testing.T) {
	if !integration.OnlyOn(t, integration.Process, integration.Docker) {
		return // as above
	}
	vault := integration.NewVault(t)
	vault.Must(t, http.MethodPut, "sys/audit/file", map[string]any{"type": "file", "options": map[string]string{"file_path": "discard"}})
	c := newChecked(t, vault, "unchanged")
	for range 2 {
		c.set(t, "M/keys/R/rotate", nil)
	}
	c.set(t, "M/keys/R/config", map[string]any{"min_decryption_version": "2", "min_encryption_version": "2"}) // trim would do 2
	keys := func() (all []map[string]any) {
		for _, path := range []string{"M/keys/R", "M/keys/" + c.name + "-mac", "M/keys/K"} {
			all = append(all, vault.Must(t, http.MethodGet, c.path(path), nil))
		}
		return all
	}
	before := keys()
	c.wantRight(t)
	for _, path := range []string{"M/keys/R", "M/keys/" + c.name + "-mac"} {
		for field, at := range map[string]string{"min_encryption_version": "/config", "min_decryption_version": "/config", "min_available_version": "/trim"} {
			status, answer := vault.Do(t, vault.RootToken, http.MethodPost, c.path(path)+at, map[string]any{field: "999999999"})
			if status != http.StatusBadRequest {
				t.Errorf("%s of %s: %d, %v", field, c.path(path), status, answer)
			}
		}
	}
	if after := keys(); !reflect.DeepEqual(before, after) {
		t.Errorf("before\n%v\nafter\n%v", before, after)
	}
}

// asSaid follows the remedy's commands and does nothing else.
func asSaid(t *testing.T, c *checked, finding string) {
	t.Helper()
	c.follow(t, finding)
}

// anotherKey follows a remedy that begins with another name in the configuration.
func anotherKey(t *testing.T, c *checked, finding string) {
	t.Helper()
	if !strings.Contains(finding, "write another key name under rings") {
		t.Errorf("the remedy is another: %s", finding)
	}
	c.ring += "-2"
	c.config(t)
	c.follow(t, finding)
}

func brokenKeys() []broken {
	set := func(field string) func(*testing.T, *checked) {
		return func(t *testing.T, c *checked) { c.set(t, "M/keys/R/config", map[string]any{field: true}) }
	}
	missing := func(t *testing.T, c *checked, name string) {
		c.set(t, "M/keys/"+name+"/config", map[string]any{"deletion_allowed": true})
		c.vault.Must(t, http.MethodDelete, c.path("M/keys/"+name), nil)
	}
	return []broken{
		{"Exportable", set("exportable"), "fail M/keys/R: is exportable", anotherKey},
		{"PlaintextBackup", set("allow_plaintext_backup"), "fail M/keys/R: allows plaintext backups", anotherKey},
		{"DeletionAllowed", set("deletion_allowed"), "warn M/keys/R: may be deleted", asSaid},
		{"WrongType", func(_ *testing.T, c *checked) { c.algorithm = "ES384" }, `fail M/keys/R: is of type "ecdsa-p256"`, anotherKey},
		{"MissingKey", func(t *testing.T, c *checked) { missing(t, c, "R") }, "fail M/keys/R: the key does not exist", asSaid},
		{"MissingMACKey", func(t *testing.T, c *checked) { missing(t, c, "K") }, "fail M/keys/K: the key does not exist", asSaid},
	}
}

func brokenPolicies() []broken {
	allow := func(policy, path, capabilities string) func(*testing.T, *checked) {
		return func(t *testing.T, c *checked) { c.allow(t, policy, path, capabilities) }
	}
	edit := func(policy string, pattern, with string) func(*testing.T, *checked) {
		return func(t *testing.T, c *checked) {
			t.Helper()
			before := c.policy(t, policy)
			after := regexp.MustCompile(pattern).ReplaceAllString(before, with)
			if after == before {
				t.Fatalf("%s changes nothing in\n%s", pattern, before)
			}
			c.put(t, policy, after)
		}
	}
	const issuer, keeper = "signet-issuer", "signet-keeper"
	another := func(t *testing.T, c *checked) {
		c.put(t, "another", c.path("path \"M/keys/*\" { capabilities = [\"update\"] }"))
		c.set(t, "auth/approle/role/signet-issuer", map[string]any{"token_policies": []string{issuer, "another"}})
	}
	return []broken{
		{"UnpinnedByOmission", edit(issuer, `required_parameters = \["key_version", `, `required_parameters = [`), "fail M/sign/R: the issuer may sign with whatever version is the latest", asSaid},
		{"UnpinnedByAnEmptyString", edit(issuer, `(?s)denied_parameters = \{.*?\}`, ""), `fail M/sign/R: the issuer may sign with whatever version is the latest, which no header can name: Vault lets key_version "" through`, asSaid},
		{"AnyLabel", edit(issuer, `"input"       = \["c2lnbmV0IHJlZnJlc2ggdjE="\]`, `"input" = []`), "fail M/hmac/K: the issuer may derive more than the one secret", asSaid},
		{"AnotherHash", allow(issuer, "M/sign/R/+", `"update"`), "fail issuer: may sign past the lock of its policy: M/sign/R/sha1 (update)", asSaid},
		{"AnExactHash", allow(issuer, "M/sign/R/sha3-256", `"update"`), "fail issuer: may sign past the lock of its policy: M/sign/R/sha3-256 (update)", asSaid},
		{"NoHash", allow(issuer, "M/sign/R/none", `"update"`), "fail issuer: may sign past the lock of its policy: M/sign/R/none (update)", asSaid},
		{"Rotates", allow(issuer, "M/keys/R/rotate", `"update"`), "fail issuer: may rotate a key: M/keys/R/rotate (update)", asSaid},
		{"Deletes", allow(issuer, "M/keys/R", `"delete"`), "fail issuer: may make, overwrite or delete a key: M/keys/R (delete)", asSaid},
		{"Exports", allow(issuer, "M/export/*", `"read"`), "fail issuer: may export a key: M/export/signing-key/R (read)", asSaid},
		{"BacksUp", allow(issuer, "M/backup/R", `"read"`), "fail issuer: may back up a key: M/backup/R (read)", asSaid},
		{"WritesPolicies", allow(issuer, "sys/policies/acl/*", `"update"`), "fail issuer: may change policies: sys/policies/acl/signet-issuer (update)", asSaid},
		{"AnotherPolicy", another, "fail issuer: may configure a key: M/keys/R/config (update)", asSaid},
		{"CannotSign", edit(issuer, `(?s)path "[^"]*/sign/.*?\n\}`, ""), "fail M/sign/R: Vault refuses the issuer what it needs", asSaid},
		{"CannotReadKeys", edit(issuer, `(path "[^"]*/keys/[^"]*" \{\s*capabilities = )\["read"\]`, `$1["deny"]`), "fail M/keys/R: the issuer may not read it", asSaid},
		{"CannotAsk", edit(issuer, `(?s)path "sys/capabilities-self".*?\n\}`, ""), "unknown issuer: its token may not ask sys/capabilities-self", asSaid},
		{"CannotLookUp", edit(issuer, `(?s)path "auth/token/lookup-self".*?\n\}`, ""), "unknown issuer: its token may not look itself up", asSaid},
		{"KeeperSigns", allow(keeper, "M/sign/R", `"update"`), "fail keeper: may sign: M/sign/R (update)", asSaid},
		{"KeeperExports", edit(keeper, `"min_decryption_version" = \["1\*"`, `"exportable" = []`+"\n    "+`"min_decryption_version" = ["1*"`), "fail M/keys/R/config: the keeper may open the key: Vault lets exportable through", asSaid},
		{"KeeperCannotFence", edit(keeper, `"min_encryption_version" = \[.*\]\n`, ""), "fail M/keys/R/config: the keeper may not raise min_encryption_version", asSaid},
		{"KeeperCannotRetire", edit(keeper, `"min_decryption_version" = \[.*\]\n`, ""), "fail M/keys/R/config: the keeper may not raise min_decryption_version", asSaid},
		{"KeeperCannotTrim", edit(keeper, `(?s)path "[^"]*/trim".*?\n\}`, ""), "fail M/keys/R/trim: the keeper may not raise min_available_version", asSaid},
		{"KeeperTrimsNoVersion", edit(keeper, `(?s)path ("[^"]*/trim") .*?\n\}`, `path $1 { capabilities = ["update"] allowed_parameters = { "other" = [] } }`), "fail M/keys/R/trim: the keeper may not raise min_available_version", asSaid},
		{"KeeperCannotRotate", edit(keeper, `(?s)path "[^"]*/rotate".*?\n\}`, ""), "fail M/keys/R/rotate: the keeper may not write to it", asSaid},
	}
}

func brokenLogins() []broken {
	// named puts credentials that a remedy made into the configuration.
	named := func(t *testing.T, c *checked, finding string) {
		c.follow(t, finding)
		c.issuerDir, c.issuerAuth = "new", c.appRole("new")
	}
	return []broken{
		{"DefaultPolicy", func(t *testing.T, c *checked) {
			c.set(t, "auth/approle/role/signet-issuer", map[string]any{"token_no_default_policy": false})
		}, "warn issuer: its token has the policy default", asSaid},
		{"RootAsIssuer", func(t *testing.T, c *checked) { c.issuerAuth = c.token(t, c.vault.RootToken) }, "fail issuer: its token is a root token", named},
		{"SecretIDGone", func(t *testing.T, c *checked) {
			c.vault.Must(t, http.MethodDelete, "auth/approle/role/signet-issuer", nil)
		}, "fail issuer: Vault refuses the login of vault.auth", named},
		{"OneIdentity", func(t *testing.T, c *checked) {
			if err := os.CopyFS(filepath.Join(c.dir, "copy"), os.DirFS(filepath.Join(c.dir, c.issuerDir))); err != nil {
				t.Fatal(err)
			}
			c.keeperAuth = c.appRole("copy")
		}, "fail keeper: is the same identity as the issuer", func(t *testing.T, c *checked, finding string) {
			c.follow(t, strings.ReplaceAll(finding, "DIR", filepath.Join(c.dir, "keepers")))
			c.keeperAuth = c.appRole("keepers")
		}},
		{"NoOperator", func(_ *testing.T, c *checked) { c.operator = "" }, "unknown sys/audit: only an operator may read it", asAuditor},
		{"ADeadOperator", func(_ *testing.T, c *checked) { c.operator = "dead" }, "unknown sys/audit: Vault refuses the operator's token", asAuditor},
		{"AnOperatorWithoutRights", func(t *testing.T, c *checked) { c.operator = c.tokenWith(t, "default") }, "unknown sys/audit: the operator's token may not read it", asAuditor},
	}
}

// asAuditor uses the token that the remedy asks for.
func asAuditor(t *testing.T, c *checked, finding string) {
	t.Helper()
	if !strings.Contains(finding, "VAULT_TOKEN") && !strings.Contains(finding, "signet-auditor") {
		t.Errorf("the remedy is another: %s", finding)
	}
	c.operator = c.tokenWith(t, "signet-auditor")
}

func brokenSurroundings() []broken {
	return []broken{
		{"NoAuditDevice", func(t *testing.T, c *checked) { c.vault.Must(t, http.MethodDelete, "sys/audit/file", nil) }, "warn sys/audit: no audit device is enabled", asSaid},
		{"SecretsInTheLog", func(t *testing.T, c *checked) {
			c.set(t, "sys/mounts/"+c.name+"/tune", map[string]any{"audit_non_hmac_response_keys": "hmac,key_version"})
		}, "fail sys/mounts/M/tune: audit_non_hmac_response_keys has hmac", asSaid},
		{"OnlySecretsInTheLog", func(t *testing.T, c *checked) {
			c.set(t, "sys/mounts/"+c.name+"/tune", map[string]any{"audit_non_hmac_response_keys": "hmac"})
		}, "fail sys/mounts/M/tune: audit_non_hmac_response_keys has hmac", asSaid},
		{"SignaturesInTheLog", func(t *testing.T, c *checked) {
			c.set(t, "sys/mounts/"+c.name+"/tune", map[string]any{"audit_non_hmac_response_keys": "batch_results,key_version"})
		}, "fail sys/mounts/M/tune: audit_non_hmac_response_keys has batch_results, so Vault's audit log holds signatures", asSaid},
		{"SignaturesAndSecretsInTheLog", func(t *testing.T, c *checked) {
			c.set(t, "sys/mounts/"+c.name+"/tune", map[string]any{"audit_non_hmac_response_keys": "hmac,signature"})
		}, "fail sys/mounts/M/tune: audit_non_hmac_response_keys has signature, so", asSaid},
		{"VerifiedMACsInTheLog", func(t *testing.T, c *checked) {
			c.set(t, "sys/mounts/"+c.name+"/tune", map[string]any{"audit_non_hmac_request_keys": "input,hmac"})
		}, "fail sys/mounts/M/tune: audit_non_hmac_request_keys has hmac, so", asSaid},
		{"RawLog", func(t *testing.T, c *checked) {
			c.vault.Must(t, http.MethodPut, "sys/audit/raw", map[string]any{"type": "file", "options": map[string]string{"file_path": "/dev/null", "log_raw": "true"}})
		}, "fail sys/audit/raw/: log_raw is set", asSaid},
		{"Clocks", func(t *testing.T, c *checked) { c.address = behind(t, c.vault.Addr, time.Minute) }, "fail clock: this host is 59", func(_ *testing.T, c *checked, _ string) {
			c.address = c.vault.Addr // NTP set the clock
		}},
		{"ShortPublishDelay", func(_ *testing.T, c *checked) { c.publishDelay = "10m" }, "fail", func(t *testing.T, c *checked, finding string) {
			said := regexp.MustCompile(`rings\[0\]\.publish_delay: 10m is shorter .*; write publish_delay: (\S+) or more`).FindStringSubmatch(finding)
			if said == nil {
				t.Fatalf("the line says something else: %s", finding)
			}
			c.publishDelay = said[1]
		}},
	}
}

// behind is the address of a Vault whose clock is that far behind.
func behind(t *testing.T, addr string, lag time.Duration) string {
	t.Helper()
	target, err := url.Parse(addr)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ModifyResponse = func(r *http.Response) error {
		date, err := http.ParseTime(r.Header.Get("Date"))
		if err != nil {
			return err
		}
		r.Header.Set("Date", date.Add(-lag).Format(http.TimeFormat))
		return nil
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	return server.URL
}
