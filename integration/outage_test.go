package integration_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"signet/integration"
)

// wantUnavailable: 503 with Retry-After and the OAuth error body, never a 500.
func wantUnavailable(t *testing.T, r integration.Reply) {
	t.Helper()
	r.WantError(t, http.StatusServiceUnavailable, "temporarily_unavailable")
	if n, err := strconv.Atoi(r.Header.Get("Retry-After")); err != nil || n < 1 {
		t.Errorf("Retry-After %q, want seconds", r.Header.Get("Retry-After"))
	}
	if r.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("Cache-Control %q, want no-store", r.Header.Get("Cache-Control"))
	}
}

func clientCredentials(t *testing.T, stack *integration.Stack) integration.Reply {
	t.Helper()
	return stack.Signet(0).Post(t, "/oauth2/token", stack.Demo, url.Values{"grant_type": {"client_credentials"}})
}

// TestVaultSealed: no tokens, but public keys and introspection go on, no
// refresh token is burnt, and everything returns by itself.
func TestVaultSealed(t *testing.T) {
	if !integration.OnlyOn(t, integration.Docker, integration.Process) {
		return
	}
	stack := integration.New(t, nil)
	s := stack.Signet(0)
	access, refresh := s.Pair(t, stack.Demo, "user:alice")
	kids := s.KIDs(t)
	stack.Vault.Seal(t)

	wantUnavailable(t, clientCredentials(t, stack))
	wantUnavailable(t, s.Refresh(t, stack.Demo, refresh))
	if got := s.KIDs(t); len(got) != 1 || got[0] != kids[0] {
		t.Errorf("JWKS while sealed: %v, want %v", got, kids)
	}
	if !s.Active(t, stack.Demo, access) {
		t.Error("introspection needs Vault for an ES256 token")
	}
	if s.Probe("/livez") != http.StatusOK || s.Probe("/readyz") != http.StatusOK {
		t.Error("a sealed Vault takes the replica out of service, and with it the JWKS")
	}
	integration.Eventually(t, 5*time.Second, "/readyz/sign says no", func() bool {
		return s.Probe("/readyz/sign") == http.StatusServiceUnavailable
	})

	stack.Vault.Unseal(t)
	integration.Eventually(t, 10*time.Second, "tokens again without a restart", func() bool {
		return clientCredentials(t, stack).Status == http.StatusOK
	})
	s.Refresh(t, stack.Demo, refresh).Want(t, http.StatusOK)
}

// TestVaultGone: the same for a Vault that cannot be reached at all, and for
// longer than half the publish delay, so that the snapshot is too old to sign
// by: the JWKS is still served, and an alarm says how old it is.
func TestVaultGone(t *testing.T) {
	stack := integration.New(t, nil)
	s := stack.Signet(0)
	s.ClientCredentials(t, stack.Demo)
	stack.VaultLink.Cut()
	wantUnavailable(t, clientCredentials(t, stack))
	integration.Eventually(t, integration.PublishDelay, "the replica says that its keys are stale", func() bool {
		return strings.Contains(s.Log(), "stale")
	})
	if len(s.KIDs(t)) != 1 {
		t.Error("the JWKS lost its key because Vault could not be read")
	}
	stack.VaultLink.Restore()
	integration.Eventually(t, 10*time.Second, "tokens again", func() bool {
		return clientCredentials(t, stack).Status == http.StatusOK
	})
}

// TestRedisGone: what needs Redis answers 503, what does not goes on.
func TestRedisGone(t *testing.T) {
	stack := integration.New(t, nil)
	s := stack.Signet(0)
	access, refresh := s.Pair(t, stack.Demo, "user:alice")
	stack.RedisLink.Cut()
	clientCredentials(t, stack).Want(t, http.StatusOK)
	wantUnavailable(t, s.Refresh(t, stack.Demo, refresh))
	wantUnavailable(t, s.Post(t, "/oauth2/introspect", stack.Demo, url.Values{"token": {access}}))
	wantUnavailable(t, s.Post(t, "/oauth2/revoke", stack.Demo, url.Values{"token": {refresh}}))
	if r := s.PostJSON(t, "/v1/tokens", stack.Demo, map[string]any{"subject": "user:bob", "refresh": true}); r.Status != http.StatusServiceUnavailable {
		t.Errorf("a pair without Redis: %d, want 503", r.Status)
	}
	if s.Probe("/readyz") != http.StatusOK || len(s.KIDs(t)) != 1 {
		t.Error("Redis's absence takes the replica out of service")
	}
	stack.RedisLink.Restore()
	integration.Eventually(t, 5*time.Second, "refreshing again", func() bool {
		return s.Refresh(t, stack.Demo, refresh).Status == http.StatusOK
	})
}

// TestUnreachableAtStart: with Vault and Redis unreachable the process stays
// up, not ready, and becomes ready by itself.
func TestUnreachableAtStart(t *testing.T) {
	stack := integration.New(t, &integration.Options{NoWait: true, BeforeServe: func(s *integration.Stack) {
		s.VaultLink.Cut()
		s.RedisLink.Cut()
	}})
	s := stack.Signet(0)
	integration.Eventually(t, 10*time.Second, "alive, not ready", func() bool {
		return s.Probe("/livez") == http.StatusOK && s.Probe("/readyz") == http.StatusServiceUnavailable
	})
	if r := s.Get(t, "/.well-known/jwks.json"); r.Status != http.StatusServiceUnavailable {
		t.Errorf("JWKS before Vault was ever read: %d %s, want 503: never an empty set", r.Status, r.Body)
	}
	stack.VaultLink.Restore()
	stack.RedisLink.Restore()
	s.WaitReady(t)
	s.Pair(t, stack.Demo, "user:alice")
}

// TestWrongKeys: a key that must not be used ends `serve` with exit code 1, a
// reason and the command that repairs it.
func TestWrongKeys(t *testing.T) {
	const ring = "signet-es256"
	remake := func(kind string, fields map[string]any) func(*testing.T, *integration.Stack) {
		return func(t *testing.T, s *integration.Stack) {
			t.Helper()
			s.Vault.Configure(t, ring, map[string]any{"deletion_allowed": true})
			s.Vault.Must(t, http.MethodDelete, "transit/keys/"+ring, nil)
			if kind != "" {
				fields["type"] = kind
				s.Vault.Must(t, http.MethodPost, "transit/keys/"+ring, fields)
			}
		}
	}
	cases := map[string]struct {
		arrange func(*testing.T, *integration.Stack)
		says    string
	}{
		"wrong type":       {remake("rsa-2048", map[string]any{}), "rsa-2048"},
		"exportable":       {remake("ecdsa-p256", map[string]any{"exportable": true}), "exportable"},
		"plaintext backup": {remake("ecdsa-p256", map[string]any{"allow_plaintext_backup": true}), "plaintext"},
		"missing":          {remake("", nil), "signet vault init"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			stack := integration.New(t, &integration.Options{NoWait: true, BeforeServe: func(s *integration.Stack) { c.arrange(t, s) }})
			s := stack.Signet(0)
			if code := s.ExitCode(t, 20*time.Second); code != 1 {
				t.Errorf("exit code %d, want 1", code)
			}
			for _, says := range []string{ring, c.says, "signet vault init"} {
				if !strings.Contains(s.Log(), says) {
					t.Errorf("the log does not say %q:\n%s", says, s.Log())
				}
			}
		})
	}
}

// TestDrain: after SIGTERM the process ends by itself, with code 0.
func TestDrain(t *testing.T) {
	stack := integration.New(t, nil)
	s := stack.Signet(0)
	s.ClientCredentials(t, stack.Demo)
	s.Stop(t)
	if code := s.ExitCode(t, time.Second); code != 0 {
		t.Errorf("exit code %d after SIGTERM, want 0", code)
	}
}
