package vaultapi_test

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"signet/vaultkeys/vaultapi"
)

// run starts Run and returns what ends it and waits.
func run(t *testing.T, c conn) (end func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	synctest.Wait()
	return func() error { cancel(); return <-done }
}

// every calls f at each step of time until d has passed.
func every(step, d time.Duration, f func()) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(step) // the bubble's time
		f()
	}
}

func TestRenewsByTheLeaseReturned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		c := connect(t, s, appRole(), nil)
		end := run(t, c)
		every(time.Minute, 10*time.Hour, func() { c.mustRead(t) })
		if n := c.Logins(); n != 1 {
			t.Errorf("%d logins although the lease could be renewed", n)
		}
		// After 60 to 70 % of an hour's lease.
		if n := s.count(renewPath); n < 14 || n > 17 {
			t.Errorf("%d renewals in 10h of a 1h lease", n)
		}
		for _, r := range s.requests(renewPath) {
			if r.body != "{}" {
				t.Fatalf("a renewal asks for %s: Vault caps an increment silently", r.body)
			}
		}
		if left := c.metric(t, "signet_vault_token_ttl_seconds"); left <= 0 || left > 3600 {
			t.Errorf("the metric says %vs left", left)
		}
		if err := end(); !errors.Is(err, context.Canceled) {
			t.Errorf("Run ended with %v", err)
		}
	})
}

// TestLogsInBeforeTheMaximum: Vault answers a renewal beyond the maximum with
// 200 and less than asked for; nobody may ever see the token die of it.
func TestLogsInBeforeTheMaximum(t *testing.T) {
	for _, c := range []struct {
		name      string
		ttl, max  time.Duration
		renewable bool
	}{
		{"max is not a multiple", time.Hour, 150 * time.Minute, true},
		{"max is just above the ttl", time.Hour, 61 * time.Minute, true},
		{"max is below the ttl", time.Hour, 20 * time.Minute, true},
		{"not renewable", time.Hour, 24 * time.Hour, false},
		{"short", 10 * time.Second, 25 * time.Second, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newServer()
				s.ttl, s.max, s.renewable = c.ttl, c.max, c.renewable
				conn := connect(t, s, appRole(), nil)
				end := run(t, conn)
				life := min(c.ttl, c.max)
				every(life/50, 20*c.max, func() { conn.mustRead(t) })
				if n := conn.metric(t, "signet_vault_requests_total", "other", "token_invalid"); n != 0 {
					t.Errorf("%v requests met a dead token", n)
				}
				low, high := uint64(20), uint64(60)
				if !c.renewable {
					low, high = 20*24, 20*24*2
				}
				if n := conn.Logins(); n < low || n > high {
					t.Errorf("%d logins in 20 maximum lifetimes", n)
				}
				if n := s.count(renewPath); n > 600 {
					t.Errorf("%d renewals", n)
				}
				_ = end()
			})
		})
	}
}

func TestRenewalSurvivesAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		c := connect(t, s, appRole(), nil)
		end := run(t, c)
		c.mustRead(t)
		time.Sleep(30 * time.Minute)
		s.set(func(s *server) {
			s.before = func(*http.Request) *http.Response { return refusal(http.StatusServiceUnavailable, "Vault is sealed") }
		})
		time.Sleep(25 * time.Minute)
		if err := c.read(t); !errors.Is(err, vaultapi.ErrSealed) || !errors.Is(err, vaultapi.ErrUnavailable) {
			t.Errorf("sealed: %v", err)
		}
		// At most 19 minutes of tries, a second or two apart.
		if n := s.count(renewPath); n < 300 || n > 19*60+10 {
			t.Errorf("%d renewals were tried during the outage", n)
		}
		s.set(func(s *server) { s.before = nil })
		time.Sleep(3 * time.Second)
		c.mustRead(t)
		if c.Logins() != 1 || c.metric(t, "signet_vault_token_ttl_seconds") < 3500 {
			t.Errorf("%d logins: the token was not renewed after the outage", c.Logins())
		}
		_ = end()
	})
}

// TestOutageLongerThanTheLease: the token dies meanwhile, and the first moment
// of a working Vault brings another.
func TestOutageLongerThanTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		c := connect(t, s, appRole(), nil)
		end := run(t, c)
		s.set(func(s *server) {
			s.before = func(*http.Request) *http.Response { return refusal(http.StatusInternalServerError, "internal error") }
		})
		time.Sleep(5 * time.Hour)
		if c.metric(t, "signet_vault_token_ttl_seconds") != 0 {
			t.Error("a dead token has time left")
		}
		s.set(func(s *server) { s.before = nil })
		time.Sleep(3 * time.Second)
		c.mustRead(t)
		if c.Logins() != 2 {
			t.Errorf("%d logins", c.Logins())
		}
		if lines := strings.Count(c.log.String(), "\n"); lines > 500 {
			t.Errorf("%d lines were logged in an outage of 5h", lines)
		}
		_ = end()
	})
}

// TestRevokedTokenIsNoticed by a request at once, and by Run alone at the next
// renewal (vault/api's watcher would sleep until the lease's end).
func TestRevokedTokenIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		c := connect(t, s, appRole(), nil)
		end := run(t, c)
		s.revoke()
		c.mustRead(t)
		if c.Logins() != 2 {
			t.Fatalf("%d logins after a request met a revoked token", c.Logins())
		}
		s.revoke()
		time.Sleep(43 * time.Minute)
		if c.Logins() != 3 {
			t.Fatalf("%d logins: Run did not notice the revoked token", c.Logins())
		}
		if !strings.Contains(c.log.String(), "dead before its time") {
			t.Error("that a token was revoked is not logged")
		}
		_ = end()
	})
}

func TestRevokesAtTheEnd(t *testing.T) {
	for name, c := range map[string]struct {
		login vaultapi.Login
		set   bool
		down  bool
		want  int
	}{
		"approle":               {appRole(), true, false, 1},
		"approle, not wanted":   {appRole(), false, false, 0},
		"approle, vault down":   {appRole(), true, true, 1},
		"another's token stays": {vaultapi.Token(fixed("hvs.theirs")), true, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newServer()
				s.grant("hvs.theirs", time.Hour, time.Hour)
				conn := connect(t, s, c.login, func(cfg *vaultapi.Config) { cfg.RevokeAtEnd = c.set })
				end := run(t, conn)
				conn.mustRead(t)
				if c.down {
					s.set(func(s *server) {
						s.before = func(r *http.Request) *http.Response { <-r.Context().Done(); return refusal(http.StatusBadGateway) }
					})
				}
				began := time.Now()
				if err := end(); !errors.Is(err, context.Canceled) {
					t.Errorf("Run ended with %v", err)
				}
				if took := time.Since(began); took > 2*time.Second {
					t.Errorf("the end took %v", took)
				}
				if n := s.count(revokePath); n != c.want {
					t.Errorf("%d revocations, want %d", n, c.want)
				}
				s.set(func(s *server) {
					if left := len(s.leases); c.want == 1 && !c.down && left != 1 {
						t.Errorf("%d tokens are left, want only theirs", left)
					}
				})
			})
		})
	}
}

func TestRootTokenNeedsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		s.grant("hvs.root", 0, 0)
		c := connect(t, s, vaultapi.Token(fixed("hvs.root")), nil)
		end := run(t, c)
		time.Sleep(100 * time.Hour)
		c.mustRead(t)
		if n := s.count(renewPath) + s.count(lookupPath); n != 1 {
			t.Errorf("%d requests to keep a token without a lease alive", n)
		}
		if left := c.metric(t, "signet_vault_token_ttl_seconds"); !math.IsInf(left, 1) {
			t.Errorf("%vs left of a token without a lease", left)
		}
		_ = end()
	})
}

// TestSuppliedTokenAtItsMaximum: only its owner can replace it, so it is used
// to its end, loudly, and the next one is taken up as soon as it is there.
func TestSuppliedTokenAtItsMaximum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		s.grant("hvs.first", time.Hour, 2*time.Hour)
		c, token := suppliedToken(t, s, "hvs.first")
		end := run(t, c)
		every(time.Minute, 2*time.Hour-2*time.Minute, func() { c.mustRead(t) })
		if !strings.Contains(c.log.String(), "nears its maximum lifetime") {
			t.Error("the coming end is not logged")
		}
		if n := s.count(renewPath); n > 100 {
			t.Errorf("%d renewals", n)
		}
		time.Sleep(10 * time.Minute)
		if err := c.read(t); !errors.Is(err, vaultapi.ErrLogin) {
			t.Errorf("after its end: %v", err)
		}
		if n := s.count(lookupPath); n > 40 {
			t.Errorf("%d lookups of a dead token in 10 minutes", n)
		}
		s.grant("hvs.second", time.Hour, 2*time.Hour)
		token.Store("hvs.second")
		time.Sleep(5 * time.Second)
		c.mustRead(t)
		if c.Logins() != 2 {
			t.Errorf("%d logins", c.Logins())
		}
		_ = end()
	})
}
