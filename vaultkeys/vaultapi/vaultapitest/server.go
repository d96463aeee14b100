package vaultapitest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/vaultkeys/vaultapi"
)

// Server is a running, unsealed Vault. It may be shared with others, except
// that Seal stops everybody: each check makes mounts and policies of its own.
type Server struct {
	// Address is Vault's, as http://127.0.0.1:8200.
	Address string
	// RootToken may administer it. No connection under test ever gets it.
	RootToken string
	// Seal seals the server and Unseal opens it again. Both nil means that it
	// cannot be sealed, and that check is left out.
	Seal, Unseal func(t *testing.T)
}

// Run holds a Vault and vaultapi.Conn to each other.
func Run(t *testing.T, server Server) {
	t.Helper()
	t.Run("Open", func(t *testing.T) { // it ends when its parallel checks have
		for _, group := range []map[string]func(*testing.T, *suite){loginChecks, leaseChecks, refusalChecks} {
			for name, check := range group {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					check(t, newSuite(t, server))
				})
			}
		}
	})
	if server.Seal != nil && server.Unseal != nil {
		t.Run("Sealed", func(t *testing.T) { sealed(t, newSuite(t, server), server) })
	}
}

// suite is one check's corner of the server: a key-value and an AppRole mount
// and a policy, all of one random name.
type suite struct {
	server Server
	name   string

	mu      sync.Mutex
	secrets []string // may be in no log and no error
}

func newSuite(t *testing.T, server Server) *suite {
	t.Helper()
	suffix := make([]byte, 6)
	if _, err := rand.Read(suffix); err != nil {
		t.Fatal(err)
	}
	s := &suite{server: server, name: "vaultapi-" + hex.EncodeToString(suffix)}
	s.admin(t, http.MethodPost, "sys/mounts/"+s.name, map[string]any{"type": "kv", "options": map[string]string{"version": "1"}})
	s.admin(t, http.MethodPost, "sys/auth/"+s.name, map[string]any{"type": "approle"})
	s.admin(t, http.MethodPost, "sys/policies/acl/"+s.name, map[string]any{"policy": strings.ReplaceAll(policy, "NAME", s.name)})
	s.admin(t, http.MethodPost, s.good(), map[string]any{"value": "x"})
	t.Cleanup(func() {
		s.admin(t, http.MethodDelete, "sys/mounts/"+s.name, nil)
		s.admin(t, http.MethodDelete, "sys/auth/"+s.name, nil)
		s.admin(t, http.MethodDelete, "sys/policies/acl/"+s.name, nil)
	})
	return s
}

const policy = `
path "NAME/*" { capabilities = ["create", "read", "update", "delete"] }
path "NAME-transit/*" { capabilities = ["update", "delete"] }
path "NAME/denied" { capabilities = ["deny"] }
path "NAME-is-not-mounted/*" { capabilities = ["read"] }
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
`

func (s *suite) good() string { return s.name + "/good" }

// answer is a reply of Vault as the test itself sees it.
type answer struct {
	status int
	Data   map[string]any `json:"data"`
	Auth   struct {
		ClientToken string `json:"client_token"`
		Accessor    string `json:"accessor"`
	} `json:"auth"`
}

// call is plain net/http, so that the arrangements do not depend on what is tested.
func (s *suite) call(t *testing.T, token, method, path string, body any) answer {
	t.Helper()
	var in io.Reader = http.NoBody
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		in = bytes.NewReader(text)
	}
	// Not t.Context(), which has ended when the clean-up calls.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, s.server.Address+"/v1/"+path, in)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Vault-Token", token)
	req.Header.Set("X-Vault-Request", "true")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	out := answer{status: resp.StatusCode}
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil && resp.StatusCode != http.StatusNoContent {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return out
}

// admin is call with the root token, and fails on a refusal.
func (s *suite) admin(t *testing.T, method, path string, body any) answer {
	t.Helper()
	out := s.call(t, s.server.RootToken, method, path, body)
	if out.status/100 != 2 {
		t.Fatalf("%s %s: status %d", method, path, out.status)
	}
	return out
}

// token makes a token of the suite's policy.
func (s *suite) token(t *testing.T, fields map[string]any) (token, accessor string) {
	t.Helper()
	in := map[string]any{"policies": []string{s.name}, "no_default_policy": true, "ttl": "1h"}
	maps.Copy(in, fields)
	out := s.admin(t, http.MethodPost, "auth/token/create", in)
	return s.hide(out.Auth.ClientToken), out.Auth.Accessor
}

// revoke ends the token that a connection uses.
func (s *suite) revoke(t *testing.T, c *conn) {
	t.Helper()
	s.admin(t, http.MethodPost, "auth/token/revoke-accessor", map[string]any{"accessor": c.accessor(t)})
}

// role makes an AppRole of the suite's policy and returns its credentials.
func (s *suite) role(t *testing.T, fields map[string]any) (roleID, secretID string) {
	t.Helper()
	roleID = s.roleID(t, fields)
	secretID, _ = s.admin(t, http.MethodPost, "auth/"+s.name+"/role/app/secret-id", nil).Data["secret_id"].(string)
	return roleID, s.hide(secretID)
}

func (s *suite) roleID(t *testing.T, fields map[string]any) string {
	t.Helper()
	in := map[string]any{"token_policies": []string{s.name}, "token_no_default_policy": true, "token_ttl": "1h"}
	maps.Copy(in, fields)
	path := "auth/" + s.name + "/role/app"
	s.admin(t, http.MethodPost, path, in)
	id, _ := s.admin(t, http.MethodGet, path+"/role-id", nil).Data["role_id"].(string)
	return s.hide(id)
}

func (s *suite) appRole(roleID string, secretID func() (string, error)) vaultapi.Login {
	return vaultapi.AppRole(vaultapi.AppRoleConfig{Mount: s.name, RoleID: fixed(roleID), SecretID: secretID})
}

// hide notes a secret, and fails on none.
func (s *suite) hide(secret string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secrets = append(s.secrets, secret)
	return secret
}

func (s *suite) wantHidden(t *testing.T, where, text string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, secret := range s.secrets {
		if secret == "" {
			t.Fatal("an empty secret: Vault gave none")
		}
		if strings.Contains(text, secret) {
			t.Errorf("%s shows a secret", where) // not which: a test's log is a log
		}
	}
}
