package simulation

import (
	"log/slog"
	"math"
	"math/rand/v2"
	"sort"
	"time"

	"signet/signer"
	"signet/vaultkeys"
	"signet/vaultkeys/lifecycle"
)

// replica is one process of Signet: its Rings and Signer, its clock and its way
// to Vault.
type replica struct {
	w       *world
	id      int
	rng     *rand.Rand
	cadence cadence
	// Its clock is off by amplitude * sin(...), once in period.
	amplitude, period, shift float64

	policy   lifecycle.Policy
	rings    *vaultkeys.Rings
	signer   *signer.Signer
	choice   *signer.Key // what the next signature was prepared with
	up       bool
	reported bool // its max_ttl
	// Redis has lost that report until then, when it reports again.
	forgotten instant
	started   instant
	reads     bool    // can read keys
	signs     bool    // can sign
	since     instant // when it could read again
	polled    instant // its last poll
	timeline  []served
}

// served is what a replica answers to a fetch of the JWK set, from a time on.
type served struct {
	at                   instant
	ok                   bool
	kids                 kids
	maxAge, staleIfError time.Duration
	cut                  bool // it cannot read Vault
}

func newReplica(w *world, id int) *replica {
	rng := rand.New(rand.NewPCG(w.seed, 1000+uint64(id)))
	r := &replica{
		w: w, id: id, rng: rng, cadence: newCadence(rng, w.cfg.poll), policy: w.cfg.replicaPolicy(w.cfg.policy), reads: true, signs: true,
		amplitude: (2*rng.Float64() - 1) * float64(clockSkew), period: float64(between(rng, 6*time.Hour, 60*day)), shift: 2 * math.Pi * rng.Float64(),
	}
	if rng.IntN(3) == 0 { // constant, and as far as may be
		r.amplitude, r.period, r.shift = math.Copysign(float64(clockSkew), r.amplitude), math.Inf(1), math.Pi/2
	}
	r.start()
	return r
}

func (r *replica) now() time.Time { return epoch.Add(r.w.now + r.off(r.w.now)) }

// off is by how much its clock is ahead.
func (r *replica) off(t instant) time.Duration {
	return time.Duration(r.amplitude * math.Sin(2*math.Pi*float64(t)/r.period+r.shift))
}

// start is a start of the process with the policy that it has been given.
func (r *replica) start() {
	r.up, r.started, r.polled = true, r.w.now, r.w.now
	r.rings = vaultkeys.NewRings(vaultkeys.RingsConfig{
		Vault:           (*connection)(r),
		Rings:           []vaultkeys.RingConfig{{Name: ring, Algorithm: signer.EdDSA, Policy: r.policy}},
		RefreshInterval: refreshInterval, JWKSMaxAge: r.w.cfg.jwksMaxAge, StaleIfError: r.w.cfg.staleIfError, ClockSkew: clockSkew,
		Revoked: r.w.redis, Now: r.now, Logger: slog.New(slog.DiscardHandler),
	})
	r.signer = signer.New(signer.Config{Keys: (*chooser)(r), Backend: (*backend)(r), Issuer: "https://signet.example", ClockSkew: clockSkew, Now: r.now})
	r.report()
	r.read()
}

func (r *replica) stop() {
	r.catchUp()
	r.withdrawReport()
	r.up = false
	r.record()
}

// read is a poll of the revoked kids and of the ring, of which each may fail.
// What was never read yet is not read without the revoked kids.
func (r *replica) read() {
	if r.w.redis.down && r.rings.Ready() {
		_ = r.rings.Refresh(r.w.ctx, ring)
	} else {
		_ = r.rings.Load(r.w.ctx)
	}
	r.record()
}

// sync is a poll of the revoked kids, which does not wait for Vault.
func (r *replica) sync() {
	r.catchUp()
	if r.up && !r.w.redis.down {
		_ = r.rings.Load(r.w.ctx)
		r.record()
	}
}

// report says what it signs with, which it does before its first token.
func (r *replica) report() {
	r.reported = r.up && !r.w.redis.down
	if !r.reported && r.up {
		r.w.at(r.w.redis.until, r.report)
	}
}

func (r *replica) withdrawReport() {
	if r.reported {
		r.w.redis.reports[r.policy.MaxTTL] = r.w.now
	}
	r.reported = false
}

func (r *replica) canRead() bool { return r.reads && !r.w.vaultDown }

// catchUp performs its last poll up to now, if it did not yet.
func (r *replica) catchUp() {
	at := r.cadence.last(r.w.now)
	if !r.up || !r.canRead() || at <= r.polled || at < r.since {
		return
	}
	r.polled = at
	r.w.during(at, r.read)
}

// record notes what it serves, if that has changed.
func (r *replica) record() {
	s := served{at: r.w.now, cut: !r.canRead()}
	if r.up {
		if set := r.rings.JWKS(); set.Loaded {
			s.ok, s.kids = true, r.w.read(set)
			s.maxAge, s.staleIfError = set.MaxAge, set.StaleIfError
		}
	}
	if n := len(r.timeline); n > 0 {
		last := r.timeline[n-1]
		last.at = s.at
		if last == s {
			return
		}
	}
	r.timeline = append(r.timeline, s)
}

// serve is what it answered at a time, up to now.
func (r *replica) serve(at instant) served {
	i := sort.Search(len(r.timeline), func(i int) bool { return r.timeline[i].at > at })
	if i == 0 {
		return served{}
	}
	return r.timeline[i-1]
}

// cut parts it from Vault for a while: no reads, and perhaps no signatures.
func (r *replica) cut(d time.Duration, signs bool) {
	if !r.reads {
		return
	}
	r.catchUp()
	r.reads, r.signs = false, signs
	r.record()
	// When its snapshot gets too old to sign by, it serves with a shorter max-age.
	r.w.at(r.polled+r.policy.PublishDelay/2+11*time.Second, r.record)
	r.w.after(d, func() {
		r.reads, r.signs = true, true
		r.reconnected()
	})
}

func (r *replica) reconnected() {
	r.since = r.w.now
	r.w.at(r.cadence.next(r.w.now), r.catchUp)
}
