package integration_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"signet/integration"
	"signet/internal/sharedstate"
)

const (
	handES = "signet-es256"
	handHS = "signet-hs256"
	// handDelay is the publish_delay below, handLife max_ttl and retire_margin.
	handDelay = 10 * time.Second
	handLife  = 12 * time.Second
)

// byHand is a Vault and a Redis as an operator has them, with a token under
// deploy/vault/key-operator.hcl.
type byHand struct {
	vault  *integration.Vault
	redis  *integration.Redis
	link   *integration.Proxy // to Redis
	token  string
	config string
}

func newByHand(t *testing.T) *byHand {
	t.Helper()
	h := &byHand{vault: integration.NewVault(t), redis: integration.NewRedis(t)}
	h.link = integration.NewProxy(t, h.redis.Addr)
	hcl, err := os.ReadFile(filepath.Join(integration.Root(), "deploy", "vault", "key-operator.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	h.vault.Must(t, http.MethodPut, "sys/policies/acl/key-operator", map[string]any{"policy": string(hcl)})
	_, body := h.vault.Do(t, h.vault.RootToken, http.MethodPost, "auth/token/create", map[string]any{"policies": []string{"key-operator"}, "no_default_policy": true})
	auth, _ := body["auth"].(map[string]any)
	h.token, _ = auth["client_token"].(string)
	h.config = filepath.Join(t.TempDir(), "signet.yaml")
	if err := os.WriteFile(h.config, []byte(`issuer: https://tokens.example.com
vault:
  address: `+h.vault.Addr+`
  insecure: true
  auth: {method: approle, role_id: {file: role_id}, secret_id: {file: secret_id}}
rings:
  - {name: `+handES+`, algorithm: ES256, publish_delay: 10s, max_ttl: 2s, rotation_period: 24h, retire_margin: 10s}
  - {name: `+handHS+`, algorithm: HS256, max_ttl: 2s, rotation_period: 24h, retire_margin: 10s}
keys: {refresh_interval: 200ms, jwks_max_age: 1s, stale_if_error: 1s, clock_skew: 1s}
tokens: {ttl: 2s}
redis: {addresses: ["`+h.link.Addr+`"], insecure: true}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	h.as(t, h.vault.RootToken, "vault", "init").want(t, 0)
	for _, ring := range []string{handES, handHS} { // what replicas do
		if err := sharedstate.NewMaxTTLs(h.redis.Client).Report(t.Context(), ring, 2*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// answer is what a command came to.
type answer struct {
	args, out, err string
	code           int
}

// as runs bin/signet with a Vault token, and the configuration.
func (h *byHand) as(t *testing.T, token string, args ...string) answer {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), integration.SignetBinary(t), append(args, "--config", h.config)...)
	cmd.Env = append(os.Environ(), "VAULT_ADDR="+h.vault.Addr, "VAULT_TOKEN="+token)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	a := answer{args: strings.Join(args, " "), out: out.String(), err: errOut.String(), code: cmd.ProcessState.ExitCode()}
	for _, secret := range []string{h.token, "DATA RACE"} {
		if strings.Contains(a.out+a.err, secret) {
			t.Errorf("signet %s printed %q", a.args, secret)
		}
	}
	return a
}

// keys runs `signet keys` under the operator's policy.
func (h *byHand) keys(t *testing.T, args ...string) answer {
	t.Helper()
	return h.as(t, h.token, append([]string{"keys"}, args...)...)
}

func (a answer) want(t *testing.T, code int, texts ...string) answer {
	t.Helper()
	if a.code != code {
		t.Fatalf("signet %s: exit code %d, want %d\n%s\n%s", a.args, a.code, code, a.out, a.err)
	}
	for _, text := range texts {
		if !strings.Contains(a.out+a.err, text) {
			t.Errorf("signet %s does not say %q:\n%s\n%s", a.args, text, a.out, a.err)
		}
	}
	return a
}

// handVersion is a version as `signet keys list -o json` shows it.
type handVersion struct {
	Version   int    `json:"version"`
	KID       string `json:"kid"`
	State     string `json:"state"`
	SignsFrom struct {
		At time.Time `json:"at"`
	} `json:"signs_from"`
	RetiresAt struct {
		At     time.Time `json:"at"`
		Reason string    `json:"reason"`
	} `json:"retires_at"`
	Use *struct {
		Issued     int64     `json:"issued"`
		LastIssued time.Time `json:"last_issued"`
	} `json:"use"`
	PublicKey map[string]string `json:"public_key"`
}

type handListing struct {
	Rings []struct {
		Ring         string        `json:"ring"`
		MinAvailable int           `json:"min_available_version"`
		Versions     []handVersion `json:"versions"`
	} `json:"rings"`
	Revoked []struct {
		KID   string   `json:"kid"`
		Lists []string `json:"lists"`
	} `json:"revoked"`
	Notes []string `json:"notes"`
}

func (h *byHand) list(t *testing.T) (l handListing) {
	t.Helper()
	a := h.keys(t, "list", "-o", "json").want(t, 0)
	if err := json.Unmarshal([]byte(a.out), &l); err != nil {
		t.Fatalf("%v in %s", err, a.out)
	}
	return l
}

// states are a ring's states, newest first.
func (h *byHand) states(t *testing.T, ring string) string {
	t.Helper()
	var all []string
	for _, v := range h.ring(t, ring) {
		all = append(all, v.State)
	}
	return strings.Join(all, " ")
}

func (h *byHand) ring(t *testing.T, ring string) []handVersion {
	t.Helper()
	for _, r := range h.list(t).Rings {
		if r.Ring == ring {
			return r.Versions
		}
	}
	t.Fatalf("no ring %s", ring)
	return nil
}

// TestKeysByHand: a whole rollover with `signet keys`, on the real Vault and
// under the operator's policy: list, rotate, retire, trim.
func TestKeysByHand(t *testing.T) {
	h := newByHand(t)
	first := h.ring(t, handES)[0]
	if first.State != "active" || len(first.KID) != 43 || first.PublicKey["kid"] != first.KID || first.PublicKey["kty"] != "EC" {
		t.Fatalf("%+v", first)
	}
	counts := sharedstate.NewKIDCounts(h.redis.Client)
	if err := counts.Add(t.Context(), first.KID, sharedstate.KIDUse{Issued: 4711, LastIssued: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if use := h.ring(t, handES)[0].Use; use == nil || use.Issued != 4711 || use.LastIssued.IsZero() {
		t.Errorf("counters: %+v", use)
	}
	if kid := h.ring(t, handHS)[0].KID; len(kid) != 43 {
		t.Errorf("kid of the HS256 ring: %q", kid)
	}
	table := h.keys(t, "list").want(t, 0, "RING", "LAST ISSUED", first.KID, "4711", handHS)
	if !regexp.MustCompile(`\d+s of 1d`).MatchString(table.out) {
		t.Errorf("no age:\n%s", table.out)
	}

	h.keys(t, "rotate", "--yes").want(t, 2, "several rings")
	h.keys(t, "rotate", "--ring", handES).want(t, 2, "--yes")
	h.keys(t, "rotate", "--ring", handES, "--dry-run").want(t, 0, "transit/keys/"+handES+"/rotate", "makes version 2")
	if got := h.states(t, handES); got != "active" {
		t.Fatalf("a dry run rotated: %s", got)
	}
	h.keys(t, "rotate", "--ring", handES, "--yes").want(t, 0, "done: transit/keys/"+handES+"/rotate", "published")
	h.keys(t, "rotate", "--ring", handES, "--yes").want(t, 1, "version 2 is published and waits to sign", "--force")
	h.keys(t, "retire", "--ring", handES, "--yes", "--to", "2").want(t, 1, "signs with version 1")
	integration.Eventually(t, 4*handDelay, "version 2 signs", seldom(func() bool { return h.states(t, handES) == "active retiring" }))

	h.keys(t, "retire", "--ring", handES, "--yes").want(t, 0, "min_encryption_version=2", "Not retired yet; run it again after")
	h.keys(t, "retire", "--ring", handES, "--yes").want(t, 1, "live tokens of version 1 die", "run it again after")
	if at := h.ring(t, handES)[1].RetiresAt.At; at.IsZero() || time.Until(at) > handLife+2*time.Second {
		t.Errorf("retires at %v", at)
	}
	h.keys(t, "trim", "--ring", handES, "--yes").want(t, 0, "Nothing to do")
	integration.Eventually(t, 4*handLife, "version 1 retires", seldom(func() bool {
		return h.keys(t, "retire", "--ring", handES, "--yes").code == 0
	}))
	if got := h.states(t, handES); got != "active retired" {
		t.Fatalf("retired: %s", got)
	}
	h.keys(t, "trim", "--ring", handES, "--yes").want(t, 1, "first seen retired at")
	integration.Eventually(t, 4*handLife, "version 1 may be trimmed", seldom(func() bool {
		return h.keys(t, "trim", "--ring", handES, "--yes").code == 0
	}))
	if got := h.states(t, handES); got != "active trimmed" {
		t.Fatalf("trimmed: %s", got)
	}
}

// seldom is a condition that starts a process, looked at twice a second.
func seldom(condition func() bool) func() bool {
	var next time.Time
	return func() bool {
		if time.Now().Before(next) {
			return false
		}
		next = time.Now().Add(500 * time.Millisecond)
		return condition()
	}
}

// TestKeysForce: what is refused is done with --force, and says what is lost.
func TestKeysForce(t *testing.T) {
	h := newByHand(t)
	kid := h.ring(t, handES)[0].KID
	h.keys(t, "rotate", "--ring", handES, "--yes").want(t, 0)
	h.keys(t, "rotate", "--ring", handES, "--yes", "--force").want(t, 0)
	h.keys(t, "rotate", "--ring", handES, "--yes").want(t, 1, "3 versions are live")
	integration.Eventually(t, 4*handDelay, "version 3 signs", seldom(func() bool { return h.states(t, handES) == "active retiring retiring" }))
	h.keys(t, "retire", "--ring", handES, "--to", "2", "--yes", "--force").want(t, 0, "live tokens of version 1 die", "version 1, kid "+kid, `"kty":"EC"`, "public_key")
	h.keys(t, "trim", "--ring", handES, "--yes", "--force").want(t, 0, "version 1")
	if got := h.states(t, handES); got != "active retiring trimmed" {
		t.Fatal(got)
	}

	h.keys(t, "rotate", "--ring", handHS, "--yes").want(t, 0, "signs as soon as a replica has read it")
	h.link.Cut()
	h.keys(t, "list").want(t, 0, "note: the revoked list is not known", "redis is unavailable")
	h.keys(t, "retire", "--ring", handHS, "--yes").want(t, 1, "without Redis nobody remembers")
	h.keys(t, "retire", "--ring", handHS, "--yes", "--force").want(t, 0)
	h.keys(t, "trim", "--ring", handHS, "--yes").want(t, 1, "when version 1 retired is not known")
	h.keys(t, "trim", "--ring", handHS, "--yes", "--force").want(t, 0)
	h.link.Restore()
	if got := h.states(t, handHS); got != "active trimmed" {
		t.Fatal(got)
	}
}

// TestKeysRevoke: the emergency in all forms, on the real Vault and Redis, each
// again from where it ended.
func TestKeysRevoke(t *testing.T) {
	h := newByHand(t)
	kidOf := func(ring string, version int) string {
		for _, v := range h.ring(t, ring) {
			if v.Version == version {
				return v.KID
			}
		}
		t.Fatalf("ring %s has no version %d", ring, version)
		return ""
	}
	revoked := func(kids ...string) {
		t.Helper()
		on := map[string]bool{}
		for _, r := range h.list(t).Revoked {
			on[r.KID] = true
		}
		for _, kid := range kids {
			if !on[kid] {
				t.Errorf("kid %s is not on the list", kid)
			}
		}
	}
	h.keys(t, "revoke").want(t, 2)
	h.keys(t, "revoke", "--yes").want(t, 2, "say what: --kid KID")
	h.keys(t, "revoke", "--kid", "short", "--yes").want(t, 2, "43 characters")

	one := kidOf(handES, 1)
	h.keys(t, "revoke", "--ring", handES, "--version", "1", "--dry-run").want(t, 0, "kid "+one+" is revoked, and its live tokens die", "version 2 signs then",
		"min_decryption_version=2 min_encryption_version=2", "min_available_version=2")
	if got := h.states(t, handES); got != "active" {
		t.Fatalf("a dry run revoked: %s", got)
	}
	h.keys(t, "revoke", "--ring", handES, "--version", "1", "--yes").want(t, 0, "Version 2 signs now", "revoked_kids:", one,
		"up to 2.2s (refresh_interval 200ms + jwks_max_age 1s + stale_if_error 1s)", "ignore Cache-Control", `"kty":"EC"`)
	h.keys(t, "revoke", "--ring", handES, "--version", "1", "--yes").want(t, 0, "nothing is left to do in Vault")
	h.keys(t, "revoke", "--kid", one, "--yes").want(t, 0, "no ring of the configuration lists kid")
	if got := h.states(t, handES); got != "active trimmed" {
		t.Fatal(got)
	}
	revoked(one)

	// Promotion: version 3 is published and not suspect.
	h.keys(t, "rotate", "--ring", handES, "--yes").want(t, 0)
	two := kidOf(handES, 2)
	h.keys(t, "revoke", "--kid", two, "--yes").want(t, 0, "Version 3 signs now")
	if got := h.states(t, handES); got != "active trimmed trimmed" {
		t.Fatal(got)
	}
	revoked(one, two)

	// Without Redis: exit code 1, loudly, and Vault's steps are done.
	three := kidOf(handES, 3)
	h.link.Cut()
	h.keys(t, "revoke", "--ring", handES, "--version", "3", "--yes").want(t, 1, "NOT ON THE REVOKED LIST", three, "run it again",
		"signet keys revoke --config "+h.config+" --ring "+handES+" --version 3")
	h.link.Restore()
	if got := h.states(t, handES); got != "active trimmed trimmed trimmed" {
		t.Fatal(got)
	}
	h.keys(t, "revoke", "--kid", three, "--yes").want(t, 0)
	revoked(one, two, three)

	// HS256, and everything.
	h.keys(t, "rotate", "--ring", handHS, "--yes").want(t, 0)
	mac := kidOf(handHS, 1)
	h.keys(t, "revoke", "--ring", handHS, "--version", "1", "--rotate", "--yes").want(t, 0, "Version 3 signs now", mac)
	four, macThree := kidOf(handES, 4), kidOf(handHS, 3)
	h.keys(t, "revoke", "--all", "--yes").want(t, 0, four, macThree)
	revoked(one, two, three, mac, four, macThree)
	for ring, latest := range map[string]int{handES: 5, handHS: 4} {
		if got := h.states(t, ring); got != "active"+strings.Repeat(" trimmed", latest-1) {
			t.Errorf("ring %s: %s", ring, got)
		}
		h.keys(t, "revoke", "--ring", ring, "--all", "--version", strconv.Itoa(latest-1), "--yes").want(t, 0, "nothing is left to do in Vault")
	}
}

// TestKeyOperatorPolicy: deploy/vault/key-operator.hcl, under which the tests
// above run, signs nothing and takes no key out.
func TestKeyOperatorPolicy(t *testing.T) {
	h := newByHand(t)
	for path, body := range map[string]map[string]any{
		"transit/sign/" + handES:                    {"input": "AAAA", "key_version": "1"},
		"transit/hmac/" + handES:                    {"input": "c2lnbmV0LWtpZA==", "key_version": "1"},
		"transit/hmac/" + handHS:                    {"input": "AAAA", "key_version": "1"},
		"transit/hmac/" + handHS + "/sha2-256":      {"input": "c2lnbmV0LWtpZA==", "key_version": "1"},
		"transit/hmac/signet-refresh":               {"input": "c2lnbmV0IHJlZnJlc2ggdjE=", "key_version": "1"},
		"transit/keys/" + handES + "/config":        {"deletion_allowed": "true"},
		"transit/keys/" + handHS + "/config":        {"exportable": "true"},
		"transit/keys/" + handES + "/trim":          {"min_available_version": "0"},
		"transit/keys/signet-refresh/rotate":        {},
		"transit/keys/new":                          {"type": "ed25519"},
		"transit/restore/" + handES:                 {"backup": "AAAA"},
		"sys/policies/acl/key-operator":             {"policy": ""},
		"auth/token/create":                         {},
		"transit/keys/" + handES + "/rotate":        {"managed_key_name": "x"},
		"auth/approle/role/signet-issuer/secret-id": {},
	} {
		if status, _ := h.vault.Do(t, h.token, http.MethodPost, path, body); status != http.StatusForbidden {
			t.Errorf("POST %s: status %d, want 403", path, status)
		}
	}
	for _, path := range []string{"transit/export/signing-key/" + handES, "transit/export/hmac-key/" + handHS, "transit/backup/" + handES, "transit/keys/signet-refresh"} {
		if status, _ := h.vault.Do(t, h.token, http.MethodGet, path, nil); status != http.StatusForbidden {
			t.Errorf("GET %s: status %d, want 403", path, status)
		}
	}
	if status, _ := h.vault.Do(t, h.token, http.MethodDelete, "transit/keys/"+handES, nil); status != http.StatusForbidden {
		t.Errorf("DELETE: status %d, want 403", status)
	}
}
