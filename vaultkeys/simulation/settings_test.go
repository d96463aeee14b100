package simulation

import (
	"time"

	"signet/vaultkeys/lifecycle"
)

// settings are a run's. The functions are what is broken on purpose.
type settings struct {
	length time.Duration
	// policy is the first, and others are rolled out later, one after the other.
	policy                         lifecycle.Policy
	others                         []lifecycle.Policy
	jwksMaxAge, staleIfError       time.Duration
	trimAfter                      time.Duration
	replicas, keepers, verifiers   int
	poll                           time.Duration // between two reads of a replica, at most
	perToken                       int           // verifiers that see each token, at each of four times
	first                          int           // tokens of each key that all verifiers see
	bursts                         int           // around each activation
	slack                          time.Duration // the longest for which reads may fail
	lag                            time.Duration // Vault's clock lags far behind for an hour, one time in this
	operators                      bool          // rotate by hand, revoke and restore
	forgetful                      bool          // revoked kids are not put on the list
	disguised                      bool          // what operators rotate is taken for the schedule's
	rude                           bool          // Vault goes away right after each rotation
	slow                           bool          // publish_delay is far above 2h, however long reads fail
	stop                           invariant     // ends the run when it is broken
	replicaPolicy, keeperPolicy    func(lifecycle.Policy) lifecycle.Policy
	reported                       func(time.Duration) time.Duration
	emergencies, restores, manuals time.Duration // on the average, one in this time
}

func asItIs[T any](v T) T { return v }

// defaults are those of the configuration, but for the rotation period.
func defaults() settings {
	p := lifecycle.Policy{
		PublishDelay: 24 * time.Hour, MaxTTL: time.Hour, RotationPeriod: 25 * day, RetireMargin: 5 * time.Minute,
		RefreshInterval: refreshInterval, ClockSkew: clockSkew,
	}
	s := settings{
		length: 730 * day, policy: p, jwksMaxAge: 5 * time.Minute, staleIfError: time.Hour,
		replicas: 20, keepers: 2, verifiers: 1000, poll: refreshInterval, perToken: 4, first: 8, bursts: 12,
		lag: 55 * day, operators: true, slow: true,
		replicaPolicy: asItIs[lifecycle.Policy], keeperPolicy: asItIs[lifecycle.Policy], reported: asItIs[time.Duration],
		emergencies: 90 * day, restores: 120 * day, manuals: 40 * day,
	}
	for _, change := range []struct{ delay, ttl time.Duration }{
		{36 * time.Hour, time.Hour}, {16 * time.Hour, 4 * time.Hour}, {24 * time.Hour, 12 * time.Hour}, {16 * time.Hour, 10 * time.Minute}, {24 * time.Hour, time.Hour},
	} {
		p.PublishDelay, p.MaxTTL = change.delay, change.ttl
		s.others = append(s.others, p)
	}
	s.slack = 16*time.Hour - 3*time.Hour - time.Minute // of the shortest delay, for 2h caches
	return s
}

// tight has delays and margins that the configuration's guards only just allow,
// and many rotations. No read may then fail at the wrong time.
func tight() settings {
	s := defaults()
	s.policy.PublishDelay = s.jwksMaxAge + s.staleIfError + refreshInterval + 2*clockSkew
	s.policy.RetireMargin = 2*clockSkew + refreshInterval + requestDeadline
	s.policy.RotationPeriod = 14 * day
	s.others = nil
	for _, change := range []struct{ delay, ttl time.Duration }{
		{90 * time.Minute, 5 * time.Minute}, {s.policy.PublishDelay, 2 * time.Hour}, {3 * time.Hour, time.Hour}, {s.policy.PublishDelay, time.Hour},
	} {
		p := s.policy
		p.PublishDelay, p.MaxTTL = change.delay, change.ttl
		s.others = append(s.others, p)
	}
	s.slack, s.lag, s.slow, s.trimAfter = 0, 0, false, 2*day
	return s
}

// scheduled is without operators: nothing but rotation by schedule.
func (s settings) scheduled() settings {
	s.operators = false
	return s
}
