package vaultapitest

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"signet/vaultkeys/vaultapi"
)

var loginChecks = map[string]func(*testing.T, *suite){
	"LoginByToken":              loginByToken,
	"LoginByTokenFile":          loginByTokenFile,
	"LoginByAppRole":            loginByAppRole,
	"LoginByAppRoleWithoutID":   loginWithoutSecretID,
	"OneLoginForAll":            oneLoginForAll,
	"RefusedSecretIDThenMended": refusedThenMended,
	"RefusedToken":              refusedToken,
}

func loginByToken(t *testing.T, s *suite) {
	token, _ := s.token(t, nil)
	c := s.connect(t, vaultapi.Token(fixed(token)), nil)
	c.wantLogins(t, 1)
}

// loginByTokenFile: the file is replaced by a rename, and the new token is
// taken up while the old one still works.
func loginByTokenFile(t *testing.T, s *suite) {
	first, firstAccessor := s.token(t, nil)
	second, secondAccessor := s.token(t, nil)
	path := filepath.Join(t.TempDir(), "token")
	put := func(text string) {
		t.Helper()
		if err := os.WriteFile(path+".tmp", []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".tmp", path); err != nil {
			t.Fatal(err)
		}
	}
	put(first)
	c := s.connect(t, vaultapi.TokenFile(path), nil)
	c.run(t)
	c.wantLogins(t, 1)
	if c.accessor(t) != firstAccessor {
		t.Fatal("another token is in use than the file's")
	}
	put(second)
	eventually(t, 10*time.Second, "the replaced token is in use", func() bool {
		c.mustGet(t)
		return c.Logins() == 2
	})
	if c.accessor(t) != secondAccessor {
		t.Fatal("the new token is not in use")
	}
}

func loginByAppRole(t *testing.T, s *suite) {
	roleID, secretID := s.role(t, nil)
	c := s.connect(t, s.appRole(roleID, fixed(secretID)), nil)
	c.wantLogins(t, 1)
}

func loginWithoutSecretID(t *testing.T, s *suite) {
	roleID := s.roleID(t, map[string]any{"bind_secret_id": false, "token_bound_cidrs": "0.0.0.0/0"})
	c := s.connect(t, s.appRole(roleID, nil), nil)
	c.wantLogins(t, 1)
}

// oneLoginForAll: at the start, and when all find the token revoked.
func oneLoginForAll(t *testing.T, s *suite) {
	roleID, secretID := s.role(t, nil)
	c := s.connect(t, s.appRole(roleID, fixed(secretID)), nil)
	for round := range 2 {
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				if err := c.get(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		c.wantLogins(t, uint64(round)+1)
		s.revoke(t, c)
	}
}

func refusedThenMended(t *testing.T, s *suite) {
	roleID, good := s.role(t, nil)
	var secret atomic.Value
	secret.Store(s.hide("00000000-0000-0000-0000-000000000000"))
	c := s.connect(t, s.appRole(roleID, func() (string, error) {
		text, _ := secret.Load().(string)
		return text, nil
	}), nil)
	c.run(t)
	for range 20 {
		err := c.get(t.Context())
		if !errors.Is(err, vaultapi.ErrLogin) || !errors.Is(err, vaultapi.ErrUnavailable) || errors.Is(err, vaultapi.ErrBadRequest) {
			t.Fatalf("with a refused secret id: %v", err)
		}
		s.wantHidden(t, "an error", err.Error())
	}
	secret.Store(good)
	eventually(t, 10*time.Second, "the mended secret id is taken up", func() bool { return c.get(t.Context()) == nil })
	c.wantLogins(t, 1)
}

func refusedToken(t *testing.T, s *suite) {
	token, accessor := s.token(t, nil)
	s.admin(t, http.MethodPost, "auth/token/revoke-accessor", map[string]any{"accessor": accessor})
	c := s.connect(t, vaultapi.Token(fixed(token)), nil)
	err := c.get(t.Context())
	if !errors.Is(err, vaultapi.ErrLogin) || c.Logins() != 0 {
		t.Fatalf("with a revoked token: %v", err)
	}
	s.wantHidden(t, "an error", err.Error())
}
