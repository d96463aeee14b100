package keeper_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"signet/internal/logtest"
	"signet/signer"
	"signet/vaultkeys"
	"signet/vaultkeys/keeper"
	"signet/vaultkeys/lifecycle"
	"signet/vaultkeys/vaulttest"
)

const (
	interval  = 10 * time.Second
	skew      = 5 * time.Second
	delay     = 10 * time.Minute
	maxTTL    = 10 * time.Minute
	margin    = time.Minute
	period    = time.Hour
	fenceDue  = delay + interval + skew
	retireDue = maxTTL + margin
)

var policy = lifecycle.Policy{
	PublishDelay: delay, MaxTTL: maxTTL, RotationPeriod: period, RetireMargin: margin,
	RefreshInterval: interval, ClockSkew: skew,
}

// clock is a hand-driven time.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// reports stands for what replicas report.
type reports struct {
	ttl time.Duration
	err error
}

func (r *reports) Largest(context.Context, string) (time.Duration, error) { return r.ttl, r.err }

// times is FirstSeen as Redis keeps it: for all keepers, and beyond them.
type times struct {
	seen map[string]time.Time
	err  error
}

func (s *times) FirstSeen(_ context.Context, name string, version int, now time.Time) (time.Time, error) {
	if s.err != nil {
		return time.Time{}, s.err
	}
	id := name + string(rune('0'+version))
	if _, ok := s.seen[id]; !ok {
		s.seen[id] = now
	}
	return s.seen[id], nil
}

type lease struct {
	held bool
	err  error
}

func (l *lease) Hold(context.Context) (bool, error) { return l.held, l.err }

// fixture is a fake Vault under keeper.hcl's rule for parameters, and what the
// keepers on it share.
type fixture struct {
	*clock
	t       *testing.T
	vault   *vaulttest.Fake
	reports *reports
	times   *times
	log     *logtest.Buffer
	reg     *prometheus.Registry
	rings   []vaultkeys.RingConfig
	edit    func(*keeper.Config)
}

func ringOf(name string, alg signer.Algorithm) vaultkeys.RingConfig {
	return vaultkeys.RingConfig{Name: name, Algorithm: alg, Policy: policy}
}

func newFixture(t *testing.T, rings ...vaultkeys.RingConfig) *fixture {
	t.Helper()
	f := &fixture{
		clock: &clock{t: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}, t: t,
		reports: &reports{ttl: maxTTL}, times: &times{seen: map[string]time.Time{}}, log: &logtest.Buffer{},
		rings: rings,
	}
	if len(rings) == 0 {
		f.rings = []vaultkeys.RingConfig{ringOf("es", signer.ES256)}
	}
	f.vault = vaulttest.New(f.now)
	f.vault.Strict = true
	for _, r := range f.rings {
		f.vault.CreateKey(r.Name, vaultkeys.ParamsOf(r.Algorithm, r.RSABits).KeyType)
	}
	return f
}

// keeper is a new keeper, on the fake or on what is put in front of it.
func (f *fixture) keeper(vault keeper.Vault) *keeper.Keeper {
	f.t.Helper()
	f.reg = prometheus.NewRegistry()
	cfg := keeper.Config{
		Vault: vault, Rings: f.rings, RefreshInterval: interval, FirstSeen: f.times, MaxTTLs: f.reports,
		Now: f.now, Logger: slog.New(slog.NewTextHandler(f.log, nil)), Registerer: f.reg,
	}
	if f.edit != nil {
		f.edit(&cfg)
	}
	return keeper.New(cfg)
}

// round wants a round without errors.
func (f *fixture) round(k *keeper.Keeper) {
	f.t.Helper()
	if err := k.Round(f.t.Context()); err != nil {
		f.t.Fatalf("at %v: %v\n%s", f.now(), err, f.log)
	}
}

// pass does rounds for a while, each interval.
func (f *fixture) pass(k *keeper.Keeper, d time.Duration) {
	f.t.Helper()
	for range int(d / interval) {
		f.advance(interval)
		f.round(k)
	}
}

// state is what a key read shows of the versions.
type state struct {
	Latest int `json:"latest_version"`
	MinDec int `json:"min_decryption_version"`
	MinEnc int `json:"min_encryption_version"`
	Avail  int `json:"min_available_version"`
}

func stateOf(ctx context.Context, vault keeper.Vault, ring string) (state, error) {
	var s state
	_, err := vault.Read(ctx, "transit/keys/"+ring, &s)
	return s, err
}

func (f *fixture) state(ring string) state {
	f.t.Helper()
	s, err := stateOf(f.t.Context(), f.vault, ring)
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

func (f *fixture) want(ring string, want state) {
	f.t.Helper()
	if got := f.state(ring); got != want {
		f.t.Fatalf("at %v ring %s is %+v, want %+v\n%s", f.now(), ring, got, want, f.log)
	}
}

// until does rounds until the ring's state is another one, and returns how
// long that took.
func (f *fixture) until(k *keeper.Keeper, ring string, atMost time.Duration) time.Duration {
	f.t.Helper()
	before, began := f.state(ring), f.now()
	for f.state(ring) == before {
		if f.now().Sub(began) > atMost {
			f.t.Fatalf("ring %s is still %+v after %v\n%s", ring, before, atMost, f.log)
		}
		f.pass(k, interval)
	}
	return f.now().Sub(began)
}

var errInjected = errors.New("injected")

func kidOf(t *testing.T, f *fixture, ring string, version int) string {
	t.Helper()
	kid, err := vaultkeys.Thumbprint(f.vault.Public(ring, version))
	if err != nil {
		t.Fatal(err)
	}
	return kid
}

// value is the sum of a metric's series; the only one of a gauge.
func value(t *testing.T, f *fixture, name string) float64 {
	t.Helper()
	families, err := f.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		sum := 0.0
		for _, m := range family.GetMetric() {
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
		return sum
	}
	t.Fatalf("no metric %s", name)
	return 0
}

func seconds(at time.Time) float64 { return float64(at.UnixMilli()) / 1000 }

// copier keeps what a pointer points to, and gives it back.
func copier(out any) func(any) {
	text, err := json.Marshal(out)
	return func(to any) {
		if err = errors.Join(err, json.Unmarshal(text, to)); err != nil {
			panic(err)
		}
	}
}
