package keeper_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"signet/signer"
	"signet/vaultkeys"
	"signet/vaultkeys/keeper"
)

// TestLease: whoever does not have it leaves an action to others for a while,
// and only for a while; who cannot ask carries on.
func TestLease(t *testing.T) {
	t.Parallel()
	l := &lease{}
	f := newFixture(t)
	f.edit = func(c *keeper.Config) { c.Lease = l }
	k := f.keeper(f.vault)
	f.advance(period)
	f.round(k)
	f.pass(k, 5*interval)
	f.want("es", state{Latest: 1, MinDec: 1})
	f.pass(k, interval) // nobody else did it
	f.want("es", state{Latest: 2, MinDec: 1})
	if lost := value(t, f, "signet_keeper_lease_held"); lost != 0 {
		t.Errorf("lease_held %v", lost)
	}

	l.held = true
	f.until(k, "es", fenceDue+3*interval)
	f.want("es", state{Latest: 2, MinDec: 1, MinEnc: 2})
	l.held, l.err = false, errInjected
	near(t, "retired", f.until(k, "es", period), retireDue)
	if failures := value(t, f, "signet_keeper_redis_failures_total"); failures == 0 {
		t.Error("no failure counted")
	}
	if n := strings.Count(f.log.String(), "failing"); n != 1 {
		t.Errorf("%d lines about one outage", n)
	}
}

// TestLeaseHolderFirst: what the holder did is not waiting any more, and the
// next thing waits anew.
func TestLeaseHolderFirst(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.edit = func(c *keeper.Config) { c.Lease = &lease{} }
	k := f.keeper(f.vault)
	f.advance(period)
	f.round(k)
	f.pass(k, 4*interval)
	f.vault.Rotate("es") // the holder
	f.pass(k, period)
	f.want("es", state{Latest: 2, MinDec: 2, MinEnc: 2})
}

// TestWithoutReports: an unknown max_ttl is 12 hours, a larger one is waited
// for, a smaller one does not shorten the keeper's own.
func TestWithoutReports(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		reports reports
		none    bool
		want    time.Duration
	}{
		"none to ask": {none: true, want: 12*time.Hour + margin},
		"no report":   {reports{}, false, 12*time.Hour + margin},
		"no sane one": {reports{ttl: 1<<63 - 1}, false, 12*time.Hour + margin},
		"an error":    {reports{ttl: time.Second, err: errInjected}, false, 12*time.Hour + margin},
		"a larger":    {reports{ttl: time.Hour}, false, time.Hour + margin},
		"a smaller":   {reports{ttl: time.Second}, false, retireDue},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, unrotated("es", signer.EdDSA))
			*f.reports = tc.reports
			if tc.none {
				f.edit = func(c *keeper.Config) { c.MaxTTLs = nil }
			}
			f.vault.Rotate("es")
			k := f.keeper(f.vault)
			f.round(k)
			f.until(k, "es", period)
			near(t, "retired", f.until(k, "es", 24*time.Hour), tc.want)
		})
	}
}

// TestForgottenReports: Redis was emptied, and the first replica to report again
// is one with the least max_ttl. Tokens of the other still live.
func TestForgottenReports(t *testing.T) {
	t.Parallel()
	f := newFixture(t, unrotated("es", signer.EdDSA))
	f.reports.ttl = 2 * time.Hour
	f.vault.Rotate("es")
	k := f.keeper(f.vault)
	f.round(k)
	f.reports.ttl = maxTTL
	f.until(k, "es", period)
	near(t, "retired", f.until(k, "es", 24*time.Hour), 2*time.Hour+margin)

	f.vault.Rotate("es")
	f.pass(k, 12*time.Hour) // the larger one was lowered after all
	f.vault.Rotate("es")
	near(t, "fenced", f.until(k, "es", period), fenceDue)
	near(t, "retired", f.until(k, "es", 24*time.Hour), retireDue)
}

// revocations is a list of revoked kids that can be out of reach.
type revocations struct {
	kids []string
	err  error
}

func (r *revocations) RevokedKIDs(context.Context) ([]string, error) { return r.kids, r.err }
func (r *revocations) RestoreRevoked(context.Context, string) error  { return r.err }

// TestRevokedListOutOfReach: nothing is done before the list was read once, for
// a fence at a revoked version would leave the replicas none. Then the keeper
// goes on without it.
func TestRevokedListOutOfReach(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	list := &revocations{err: errInjected}
	f.edit = func(c *keeper.Config) { c.Revoked = vaultkeys.NewRevokedKIDs(list, nil) }
	f.vault.Rotate("es")
	k := f.keeper(f.vault)
	f.advance(2 * fenceDue)
	f.fails(k, errInjected)
	f.advance(2 * fenceDue)
	f.fails(k, errInjected)
	f.want("es", state{Latest: 2, MinDec: 1})
	if reason := reasonSeen(t, f); reason != "redis" {
		t.Errorf("reason %q", reason)
	}
	list.err, list.kids = nil, []string{kidOf(t, f, "es", 2)}
	f.round(k)
	list.err = errInjected
	f.pass(k, 10*interval)
	f.want("es", state{Latest: 2, MinDec: 1})
	f.vault.Rotate("es")
	f.pass(k, fenceDue+2*interval)
	f.want("es", state{Latest: 3, MinDec: 1, MinEnc: 3})
}

// fences are what commands are told.
type fences struct {
	value int
	at    time.Time
	err   error
}

func (s *fences) See(_ context.Context, _ string, value int, now time.Time) error {
	if s.value != value {
		s.value, s.at = value, now
	}
	return s.err
}

func TestTellsFences(t *testing.T) {
	t.Parallel()
	f := newFixture(t, unrotated("es", signer.ES256))
	told := &fences{err: errInjected} // which stops nothing
	f.edit = func(c *keeper.Config) { c.Fences = told }
	f.vault.Rotate("es")
	k := f.keeper(f.vault)
	f.round(k)
	f.until(k, "es", period)
	f.round(k)
	if told.value != 2 || f.now().Sub(told.at) > 2*interval {
		t.Errorf("told %d at %v, now %v", told.value, told.at, f.now())
	}
}

// TestHMACNeedsItsTimes: while Redis does not say when a version was first
// seen, nothing happens to an HS256 ring, and all the rest goes on.
func TestHMACNeedsItsTimes(t *testing.T) {
	t.Parallel()
	f := newFixture(t, ringOf("hs", signer.HS256), ringOf("es", signer.ES256))
	f.times.err = errInjected
	k := f.keeper(f.vault)
	f.vault.Rotate("hs")
	f.vault.Configure("hs", 1, 2)
	for range int(period/interval) + 10 {
		f.fails(k, errInjected)
		f.advance(interval)
	}
	f.want("hs", state{Latest: 2, MinDec: 1, MinEnc: 2})
	f.want("es", state{Latest: 2, MinDec: 1})
	if reason := reasonSeen(t, f); reason != "redis" {
		t.Errorf("reason %q", reason)
	}
	f.times.err = nil
	f.round(k)
	f.want("hs", state{Latest: 2, MinDec: 2, MinEnc: 2})
}

// TestHMACWithoutRedis: the keeper's memory will do, for as long as it lives.
func TestHMACWithoutRedis(t *testing.T) {
	t.Parallel()
	f := newFixture(t, ringOf("hs", signer.HS256))
	f.edit = func(c *keeper.Config) { c.FirstSeen = nil }
	f.advance(period)
	k := f.keeper(f.vault)
	f.round(k)
	f.want("hs", state{Latest: 1, MinDec: 1})
	near(t, "rotated", f.until(k, "hs", 2*period), period)
	f.want("hs", state{Latest: 2, MinDec: 1})
}

// TestHMACAsksForLiveVersions: not for those that were retired years ago.
func TestHMACAsksForLiveVersions(t *testing.T) {
	t.Parallel()
	f := newFixture(t, ringOf("hs", signer.HS256))
	f.vault.Rotate("hs")
	f.vault.Rotate("hs")
	f.vault.Configure("hs", 2, 2)
	f.round(f.keeper(f.vault))
	if len(f.times.seen) != 2 {
		t.Errorf("asked for %v, want versions 2 and 3", f.times.seen)
	}
}

// TestReusedHMACNumber: Redis remembers version 2 of a key that was deleted
// since. The new one is not fenced before the replicas had time to read it.
func TestReusedHMACNumber(t *testing.T) {
	t.Parallel()
	f := newFixture(t, unrotated("hs", signer.HS256))
	k := f.keeper(f.vault)
	f.vault.Rotate("hs")
	f.pass(k, time.Hour)
	f.want("hs", state{Latest: 2, MinDec: 2, MinEnc: 2})
	f.vault.CreateKey("hs", "hmac")
	f.pass(k, time.Hour)
	f.vault.Rotate("hs")
	near(t, "fenced", f.until(k, "hs", time.Hour), interval+skew)
	near(t, "retired", f.until(k, "hs", time.Hour), retireDue)
}

// TestMetrics: all from zero, and what is next.
func TestMetrics(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	k := f.keeper(f.vault)
	f.round(k)
	want := map[string]float64{
		"signet_keeper_next_due_timestamp_seconds":  seconds(f.now().Add(period)),
		"signet_keeper_last_read_timestamp_seconds": seconds(f.now()),
		"signet_keeper_lease_held":                  1,
	}
	for name, v := range want {
		if got := value(t, f, name); got != v {
			t.Errorf("%s %v, want %v", name, got, v)
		}
	}
	f.vault.Rotate("es")
	f.round(k)
	f.until(k, "es", period)
	f.pass(k, 10*interval)
	if got := value(t, f, "signet_keeper_fence_age_seconds"); got < 80 || got > 100 {
		t.Errorf("fence age %v", got)
	}
	if got := value(t, f, "signet_keeper_actions_total"); got != 1 {
		t.Errorf("%v actions", got)
	}
}
