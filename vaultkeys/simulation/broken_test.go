package simulation

import (
	"strings"
	"testing"
	"time"

	"signet/vaultkeys/lifecycle"
)

// flaw is something broken on purpose, and the invariant that must show it.
type flaw struct {
	cfg   settings
	spoil func(*settings)
	want  invariant
}

func (f flaw) noticed(t *testing.T) {
	t.Helper()
	t.Parallel()
	f.cfg.length, f.cfg.stop = 120*day, f.want
	f.spoil(&f.cfg)
	r := run(t, 1, f.cfg)
	if r.broken[f.want] == 0 {
		t.Errorf("the simulation did not notice; broken were %v", r.broken)
		return
	}
	t.Log(strings.Join(r.violations, "\n"))
}

// withDelay is a policy but for its publish_delay.
func withDelay(d time.Duration) func(lifecycle.Policy) lifecycle.Policy {
	return func(p lifecycle.Policy) lifecycle.Policy {
		p.PublishDelay = d
		return p
	}
}

func TestSimulationNoticesBrokenPublishDelay(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]flaw{
		"a minute": {defaults().scheduled(), func(s *settings) {
			s.replicaPolicy, s.keeperPolicy = withDelay(time.Minute), withDelay(time.Minute)
		}, tokenRefused},
		"a minute less than the guard demands": {tight().scheduled(), func(s *settings) {
			s.policy.PublishDelay -= time.Minute
			s.others = nil
		}, tokenRefused},
		"an hour is too short for 2h caches": {defaults().scheduled(), func(s *settings) {
			s.replicaPolicy, s.keeperPolicy = withDelay(70*time.Minute), withDelay(70*time.Minute)
		}, scheduledIsSlow},
	} {
		t.Run(name, f.noticed)
	}
}

func TestSimulationNoticesBrokenRetireMargin(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]flaw{
		"negative":        {tight().scheduled(), func(s *settings) { s.policy.RetireMargin, s.others = -time.Minute, nil }, tokenOutlives},
		"refused tokens":  {tight().scheduled(), func(s *settings) { s.policy.RetireMargin, s.others = -20*time.Minute, nil }, tokenRefused},
		"inactive tokens": {tight().scheduled(), func(s *settings) { s.policy.RetireMargin, s.others = -20*time.Minute, nil }, tokenInactive},
		"max_ttl reported as less than it is": {defaults().scheduled(), func(s *settings) {
			short := func(p lifecycle.Policy) lifecycle.Policy {
				p.MaxTTL = 10 * time.Minute
				return p
			}
			s.keeperPolicy = short
			s.reported = func(d time.Duration) time.Duration { return min(d, 10*time.Minute) }
		}, tokenOutlives},
	} {
		t.Run(name, f.noticed)
	}
}

// TestSimulationNotices: other things that must not be, and what the promises
// do not cover.
func TestSimulationNotices(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]flaw{
		"a keeper that fences too early":      {defaults().scheduled(), func(s *settings) { s.keeperPolicy = withDelay(10 * time.Minute) }, tokenRefused},
		"versions that pile up":               {defaults(), func(s *settings) { s.disguised, s.manuals = true, day }, liveVersions},
		"replicas that read each minute only": {defaults().scheduled(), func(s *settings) { s.poll = time.Minute }, agreement},
		"revoked kids that nobody learns": {defaults(), func(s *settings) {
			s.forgetful, s.emergencies, s.restores = true, 10*day, 20*day
		}, revokedIsDead},
		"a replica that cannot read Vault for longer than publish_delay": {defaults().scheduled(), func(s *settings) {
			s.policy.RotationPeriod, s.others, s.slack = 3*day, nil, 60*time.Hour
		}, tokenRefused},
		"Vault away before a version was read, until after its activation": {defaults().scheduled(), func(s *settings) { s.rude = true }, tokenRefused},
		"a clock of Vault's that lags, with the shortest publish_delay": {tight(), func(s *settings) {
			s.lag = 4 * day
		}, tokenRefused},
	} {
		t.Run(name, f.noticed)
	}
}
