package vaultapi_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"signet/vaultkeys/vaultapi"
)

// suppliedToken is a connection whose token somebody may replace.
func suppliedToken(t *testing.T, s *server, first string) (conn, *atomic.Value) {
	t.Helper()
	token := &atomic.Value{}
	token.Store(first)
	return connect(t, s, vaultapi.Token(func() (string, error) {
		text, _ := token.Load().(string)
		return text, nil
	}), nil), token
}

// TestOneLoginForAll: however many find that there is no token, or a dead one.
func TestOneLoginForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		s.hold = make(chan struct{})
		c := connect(t, s, appRole(), nil)
		for round := 1; round <= 2; round++ {
			var wg sync.WaitGroup
			for range 100 {
				wg.Go(func() {
					if err := c.read(t); err != nil {
						t.Error(err)
					}
				})
			}
			synctest.Wait()
			s.hold <- struct{}{}
			wg.Wait()
			if s.count(loginPath) != round || c.Logins() != uint64(round) {
				t.Fatalf("round %d: %d logins", round, s.count(loginPath))
			}
			s.revoke()
		}
	})
}

// TestOneCallerLeavesALogin that others wait for.
func TestOneCallerLeavesALogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		s.hold = make(chan struct{})
		c := connect(t, s, appRole(), nil)
		ctx, leave := context.WithCancel(t.Context())
		left, stayed := make(chan error, 1), make(chan error, 1)
		go func() {
			_, err := c.Read(ctx, goodPath, nil)
			left <- err
		}()
		synctest.Wait()
		go func() { stayed <- c.read(t) }()
		synctest.Wait()
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) || !errors.Is(err, vaultapi.ErrUnavailable) {
			t.Errorf("who left: %v", err)
		}
		s.hold <- struct{}{}
		if err := <-stayed; err != nil {
			t.Errorf("who stayed: %v", err)
		}
		if s.count(loginPath) != 1 {
			t.Errorf("%d logins", s.count(loginPath))
		}
	})
}

// TestPolicyRefusalIsNoLogin: another token would have the same policy.
func TestPolicyRefusalIsNoLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		c := connect(t, s, appRole(), nil)
		for range 20 {
			_, err := c.Read(t.Context(), deniedPath, nil)
			if !errors.Is(err, vaultapi.ErrPermissionDenied) || errors.Is(err, vaultapi.ErrUnavailable) || errors.Is(err, vaultapi.ErrTokenInvalid) {
				t.Fatal(err)
			}
		}
		if c.Logins() != 1 || s.count(deniedPath) != 20 {
			t.Errorf("%d logins, %d requests", c.Logins(), s.count(deniedPath))
		}
	})
}

// TestTokensDeadAtBirth make no storm of logins.
func TestTokensDeadAtBirth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		s.before = func(r *http.Request) *http.Response {
			if strings.HasSuffix(r.URL.Path, loginPath) {
				return nil
			}
			return refusal(http.StatusForbidden, "permission denied", "invalid token")
		}
		c := connect(t, s, appRole(), nil)
		if err := c.read(t); !errors.Is(err, vaultapi.ErrTokenInvalid) {
			t.Errorf("got %v", err)
		}
		if s.count(loginPath) != 2 || s.count(goodPath) != 2 {
			t.Errorf("one request cost %d logins and was sent %d times", s.count(loginPath), s.count(goodPath))
		}
		began := time.Now()
		for range 200 {
			if err := c.read(t); err == nil {
				t.Fatal("read with a dead token")
			}
		}
		if n, limit := s.count(loginPath), 7+int(time.Since(began).Seconds()); n > limit {
			t.Errorf("%d logins in %v", n, time.Since(began))
		}
	})
}

// TestRefusedCredentials are tried seldom, at once when they are mended, and
// look to a caller like an outage: its own request was not refused.
func TestRefusedCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		s.secret = "secret-another"
		secret := &atomic.Value{}
		secret.Store(secretID)
		c := connect(t, s, vaultapi.AppRole(vaultapi.AppRoleConfig{RoleID: fixed(roleID), SecretID: func() (string, error) {
			text, _ := secret.Load().(string)
			return text, nil
		}}), nil)
		end := run(t, c)
		every(100*time.Millisecond, 20*time.Minute, func() {
			err := c.read(t)
			if !errors.Is(err, vaultapi.ErrLogin) || !errors.Is(err, vaultapi.ErrUnavailable) || errors.Is(err, vaultapi.ErrBadRequest) {
				t.Fatal(err)
			}
			if !strings.Contains(err.Error(), "invalid role or secret ID") {
				t.Fatalf("the error does not say why: %v", err)
			}
		})
		if n := s.count(loginPath); n < 20 || n > 60 {
			t.Errorf("%d logins in 20 minutes with a refused secret id", n)
		}
		if n := c.metric(t, "signet_vault_logins_total", "refused"); n != float64(s.count(loginPath)) {
			t.Errorf("the metric counts %v refused logins of %d", n, s.count(loginPath))
		}
		if !strings.Contains(c.log.String(), "level=ERROR") {
			t.Error("refused credentials are not loud")
		}
		secret.Store("secret-another")
		time.Sleep(3 * time.Second)
		c.mustRead(t)
		_ = end()
	})
}

func TestLoginBacksOffWhileVaultIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		s.before = func(*http.Request) *http.Response { return refusal(http.StatusServiceUnavailable, "Vault is sealed") }
		c := connect(t, s, appRole(), nil)
		end := run(t, c)
		every(10*time.Millisecond, 10*time.Minute, func() {
			if err := c.read(t); !errors.Is(err, vaultapi.ErrLogin) || !errors.Is(err, vaultapi.ErrSealed) {
				t.Fatal(err)
			}
		})
		if n := s.count(loginPath); n < 200 || n > 610 {
			t.Errorf("%d logins in an outage of 10 minutes", n)
		}
		if s.count(goodPath) != 0 {
			t.Error("requests were sent without a token")
		}
		s.set(func(s *server) { s.before = nil })
		time.Sleep(2 * time.Second)
		c.mustRead(t)
		_ = end()
	})
}

// TestAppRoleWithoutSecretID is a role with bind_secret_id=false.
func TestAppRoleWithoutSecretID(t *testing.T) {
	s := newServer()
	s.secret = ""
	c := connect(t, s, vaultapi.AppRole(vaultapi.AppRoleConfig{RoleID: fixed(roleID)}), nil)
	c.mustRead(t)
	if body := s.requests(loginPath)[0].body; strings.Contains(body, "secret_id") {
		t.Errorf("sent %s", body)
	}
}

func TestAppRoleMount(t *testing.T) {
	for _, mount := range []string{"roles", "/roles/", "auth/roles"} {
		s := newServer()
		c := connect(t, s, vaultapi.AppRole(vaultapi.AppRoleConfig{Mount: mount, RoleID: fixed(roleID), SecretID: fixed(secretID)}), nil)
		_ = c.read(t) // the server has no such mount: only the path matters
		if s.count("auth/roles/login") != 1 {
			t.Errorf("mount %q: %v", mount, s.requests(""))
		}
	}
}

// TestTokenFileReplaced as Vault Agent does it: a new file, renamed over the old
// one. No moment of an empty or missing file may cost the working token.
func TestTokenFileReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		s.grant("hvs.one", time.Hour, 24*time.Hour)
		s.grant("hvs.two", time.Hour, 24*time.Hour)
		path := filepath.Join(t.TempDir(), "token")
		put := func(text string) {
			t.Helper()
			if err := os.WriteFile(path+".tmp", []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(path+".tmp", path); err != nil {
				t.Fatal(err)
			}
		}
		put("hvs.one\r\n")
		c := connect(t, s, vaultapi.TokenFile(path), nil)
		end := run(t, c)
		c.mustRead(t)
		for _, broken := range []string{"", "\n", "hvs.o ne", "hvs.one\nhvs.two\n"} {
			put(broken)
			time.Sleep(10 * time.Second)
			c.mustRead(t)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		c.mustRead(t)
		if c.Logins() != 1 {
			t.Fatalf("%d logins by files that hold no token", c.Logins())
		}
		if n := c.metric(t, "signet_vault_logins_total", "refused"); n != 0 {
			t.Errorf("%v logins were tried without a token", n)
		}
		put("hvs.two")
		time.Sleep(3 * time.Second)
		c.mustRead(t)
		requests := s.requests(goodPath)
		if last := requests[len(requests)-1].header.Get("X-Vault-Token"); last != "hvs.two" || c.Logins() != 2 {
			t.Errorf("the new token is not in use: %d logins", c.Logins())
		}
		_ = end()
	})
}

// TestRefusedTokenKeepsTheOldOne: a bad token in the file is no reason to stop
// using one that works.
func TestRefusedTokenKeepsTheOldOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		s.grant("hvs.good", time.Hour, 24*time.Hour)
		c, token := suppliedToken(t, s, "hvs.good")
		end := run(t, c)
		token.Store("hvs.bad")
		every(time.Second, 10*time.Minute, func() { c.mustRead(t) })
		if n := s.count(lookupPath); n > 30 {
			t.Errorf("%d lookups of a refused token in 10 minutes", n)
		}
		_ = end()
	})
}

func TestTokenThatMayNotLookItselfUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		s.grant("hvs.blind", time.Hour, time.Hour)
		s.before = func(r *http.Request) *http.Response {
			if strings.HasSuffix(r.URL.Path, lookupPath) {
				return refusal(http.StatusForbidden, "permission denied")
			}
			return nil
		}
		c := connect(t, s, vaultapi.Token(fixed("hvs.blind")), nil)
		c.mustRead(t)
		if !strings.Contains(c.log.String(), "lookup-self") {
			t.Error("what the policy lacks is not logged")
		}
	})
}

func TestUnusableCredentials(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, login := range map[string]vaultapi.Login{
		"no file":      vaultapi.TokenFile(filepath.Join(t.TempDir(), "absent")),
		"a pipe":       vaultapi.TokenFile(pipe),
		"empty":        vaultapi.Token(fixed(" \n")),
		"line break":   vaultapi.Token(fixed("hvs.a\nX-Injected: 1")),
		"not ascii":    vaultapi.Token(fixed("hvs.ä")),
		"too long":     vaultapi.Token(fixed("hvs." + strings.Repeat("a", 64<<10))),
		"no secret id": vaultapi.AppRole(vaultapi.AppRoleConfig{RoleID: fixed(roleID), SecretID: fixed("")}),
		"no role id":   vaultapi.AppRole(vaultapi.AppRoleConfig{RoleID: func() (string, error) { return "", os.ErrNotExist }}),
	} {
		s := newServer()
		c := connect(t, s, login, nil)
		if err := c.read(t); !errors.Is(err, vaultapi.ErrLogin) {
			t.Errorf("%s: %v", name, err)
		}
		if n := len(s.requests("")); n != 0 {
			t.Errorf("%s: %d requests were sent", name, n)
		}
	}
}
