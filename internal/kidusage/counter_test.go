package kidusage_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"pgregory.net/rapid"

	"signet/internal/kidusage"
	"signet/internal/logtest"
	"signet/internal/sharedstate"
	"signet/signer"
)

const interval = 10 * time.Second

var (
	es = signer.Key{Ring: "es", Version: 3, Algorithm: signer.ES256, KID: "es-three"}
	hs = signer.Key{Ring: "hs", Version: 1, Algorithm: signer.HS256, KID: "hs-one"}
)

// keys are the kids that exist.
type keys struct {
	mu   sync.Mutex
	gone map[string]bool
}

func (k *keys) VerificationKey(kid string) (signer.Key, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return signer.Key{}, !k.gone[kid]
}

func (k *keys) set(kid string, gone bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.gone[kid] = gone
}

// store adds up, and can be away.
type store struct {
	mu   sync.Mutex
	sums map[string]sharedstate.KIDUse
	adds int
	err  error
}

func (s *store) Add(ctx context.Context, kid string, delta sharedstate.KIDUse) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.adds++
	if err := errors.Join(s.err, ctx.Err()); err != nil {
		return err
	}
	sum := s.sums[kid]
	sum.Issued += delta.Issued
	sum.Introspected += delta.Introspected
	sum.Fetched += delta.Fetched
	sum.LastIssued, sum.LastIntrospected = delta.LastIssued, delta.LastIntrospected
	s.sums[kid] = sum
	return nil
}

func (s *store) away(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *store) sum(kid string) sharedstate.KIDUse {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sums[kid]
}

type fixture struct {
	*kidusage.Counter
	keys  *keys
	store *store
	log   *logtest.Buffer
	reg   *prometheus.Registry
	stop  func()
}

// newFixture runs a counter in a bubble of time of its own.
func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{
		keys: &keys{gone: map[string]bool{}}, store: &store{sums: map[string]sharedstate.KIDUse{}}, log: &logtest.Buffer{},
		reg: prometheus.NewRegistry(),
	}
	f.Counter = kidusage.New(kidusage.Config{
		Keys: f.keys, Store: f.store, Interval: interval, Logger: slog.New(slog.NewTextHandler(f.log, nil)), Registerer: f.reg,
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	f.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	return f
}

func pass(d time.Duration) {
	time.Sleep(d) // the bubble's time
	synctest.Wait()
}

func TestCountsAreStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		defer f.stop()
		began := time.Now()
		f.Issued(es)
		pass(time.Second)
		f.Issued(es)
		f.Introspected(es)
		f.Introspected(hs)
		f.Fetched([]signer.Key{es})
		pass(interval)
		if got := f.store.sum(es.KID); got.Issued != 2 || got.Introspected != 1 || got.Fetched != 1 || !got.LastIssued.Equal(began.Add(time.Second)) {
			t.Errorf("%+v", got)
		}
		if got := f.store.sum(hs.KID); got.Introspected != 1 || got.Issued+got.Fetched != 0 || !got.LastIssued.IsZero() || !got.LastIntrospected.Equal(began.Add(time.Second)) {
			t.Errorf("%+v", got)
		}
		adds := f.store.adds
		pass(10 * interval)
		if f.store.adds != adds {
			t.Error("nothing new is stored again")
		}
		want := `
# HELP signet_kid_introspections_total Introspections of tokens with a good signature, by the key version that made it.
# TYPE signet_kid_introspections_total counter
signet_kid_introspections_total{kid="es-three",ring="es",version="3"} 1
signet_kid_introspections_total{kid="hs-one",ring="hs",version="1"} 1
# HELP signet_kid_jwks_fetches_total JWK sets served (200 or 304) with this key version in them.
# TYPE signet_kid_jwks_fetches_total counter
signet_kid_jwks_fetches_total{kid="es-three",ring="es",version="3"} 1
# HELP signet_kid_tokens_issued_total Access tokens handed out, by the key version that signed them.
# TYPE signet_kid_tokens_issued_total counter
signet_kid_tokens_issued_total{kid="es-three",ring="es",version="3"} 2
signet_kid_tokens_issued_total{kid="hs-one",ring="hs",version="1"} 0
`
		if err := testutil.GatherAndCompare(f.reg, strings.NewReader(want)); err != nil {
			t.Error(err)
		}
	})
}

// An outage of the store loses nothing and is two lines of log.
func TestOutageOfTheStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		defer f.stop()
		f.Issued(es)
		pass(interval)
		f.store.away(errors.New("connection refused"))
		for range 5 {
			f.Issued(es)
			f.Introspected(es)
			pass(interval)
		}
		if got := f.store.sum(es.KID); got.Issued != 1 {
			t.Errorf("while it is away: %+v", got)
		}
		f.store.away(nil)
		pass(interval)
		if got := f.store.sum(es.KID); got.Issued != 6 || got.Introspected != 5 {
			t.Errorf("after the outage: %+v", got)
		}
		if log := f.log.String(); strings.Count(log, "level=WARN") != 1 || strings.Count(log, "stored again") != 1 {
			t.Errorf("the log of an outage:\n%s", log)
		}
	})
}

func TestEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.Issued(es)
		f.stop()
		if got := f.store.sum(es.KID); got.Issued != 1 {
			t.Errorf("the end stores nothing: %+v", got)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.store.away(errors.New("connection refused"))
		f.Issued(es)
		f.stop()
		if log := f.log.String(); !strings.Contains(log, "counts by kid are incomplete") || strings.Contains(log, "stored later") {
			t.Errorf("what is lost at the end is not said:\n%s", log)
		}
	})
}

// The store hangs: the end waits for two seconds and no longer.
func TestEndIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := kidusage.New(kidusage.Config{Keys: &keys{}, Store: hanging{}, Interval: time.Hour, Logger: slog.New(slog.DiscardHandler)})
		c.Issued(es)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		began := time.Now()
		if err := c.Run(ctx); err != nil || time.Since(began) > 2*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

type hanging struct{}

func (hanging) Add(ctx context.Context, _ string, _ sharedstate.KIDUse) error {
	<-ctx.Done()
	return ctx.Err()
}

// The series of a key end an hour after the key, but not before its counts are
// stored; a key that comes back in between keeps them.
func TestForgets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		defer f.stop()
		series := func() int { return testutil.CollectAndCount(f) }
		f.Issued(es)
		f.Issued(hs)
		pass(interval)
		all := series()
		f.keys.set(hs.KID, true)
		pass(50 * time.Minute)
		if series() != all {
			t.Fatal("forgotten too early")
		}
		f.keys.set(hs.KID, false)
		pass(interval)
		f.keys.set(hs.KID, true)
		pass(50 * time.Minute)
		if series() != all {
			t.Fatal("the hour began before the key was gone for good")
		}
		f.store.away(errors.New("connection refused"))
		f.Introspected(hs)
		pass(2 * time.Hour)
		if series() != all {
			t.Fatal("forgotten before it was stored")
		}
		f.store.away(nil)
		pass(2 * interval)
		if series() != 3 || f.store.sum(hs.KID).Introspected != 1 {
			t.Fatalf("%d series are left of %d, stored %+v", series(), all, f.store.sum(hs.KID))
		}
		f.Issued(hs) // a key may come back with a restored backup
		f.keys.set(hs.KID, false)
		pass(interval)
		if series() != all || f.store.sum(hs.KID).Issued != 2 {
			t.Fatalf("a key that came back is not counted: %+v", f.store.sum(hs.KID))
		}
	})
}

func TestWithoutAStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := kidusage.New(kidusage.Config{Keys: &keys{gone: map[string]bool{es.KID: true}}, Interval: interval})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx) }()
		c.Issued(es)
		pass(time.Minute)
		if testutil.CollectAndCount(c) != 3 {
			t.Error("no metrics without a store")
		}
		pass(time.Hour)
		if testutil.CollectAndCount(c) != 0 {
			t.Error("never forgotten without a store")
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// Whatever happens in whichever order, what is stored in the end is what was
// counted, exactly, where no answer is lost.
func TestNothingIsLost(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		steps := rapid.SliceOfN(rapid.IntRange(0, 4), 1, 40).Draw(r, "steps")
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t)
			var want sharedstate.KIDUse
			for _, step := range steps {
				switch step {
				case 0:
					f.Issued(es)
					want.Issued++
				case 1:
					f.Introspected(es)
					want.Introspected++
				case 2:
					f.Fetched([]signer.Key{es, hs})
					want.Fetched++
				case 3:
					f.store.away(errors.New("away"))
				case 4:
					f.store.away(nil)
				}
				pass(interval / 3)
			}
			f.store.away(nil)
			f.stop()
			got := f.store.sum(es.KID)
			if got.Issued != want.Issued || got.Introspected != want.Introspected || got.Fetched != want.Fetched {
				t.Errorf("stored %+v, counted %+v", got, want)
			}
		})
	})
}

func TestConcurrentFirstCounts(t *testing.T) {
	t.Parallel()
	c := kidusage.New(kidusage.Config{Keys: &keys{}})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for v := range 20 {
				c.Issued(signer.Key{Ring: "es", Version: v, Algorithm: signer.HS256, KID: string(rune('a' + v))})
			}
		})
	}
	all.Wait()
	reg := prometheus.NewRegistry()
	reg.MustRegister(c)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	total := 0.0
	for _, family := range families {
		for _, m := range family.GetMetric() {
			total += m.GetCounter().GetValue()
		}
	}
	if total != 160 {
		t.Errorf("%v of 160 counted", total)
	}
}

func TestCountingAllocatesNothing(t *testing.T) {
	c := kidusage.New(kidusage.Config{Keys: &keys{}})
	set := []signer.Key{es, hs}
	count := func() { c.Issued(es); c.Introspected(hs); c.Fetched(set) }
	if n := testing.AllocsPerRun(100, count); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkIssued is what counting adds to each token, all cores at once.
func BenchmarkIssued(b *testing.B) {
	c := kidusage.New(kidusage.Config{Keys: &keys{}})
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			c.Issued(es)
		}
	})
}

// BenchmarkFetched is what it adds to each answer with a JWK set of three keys.
func BenchmarkFetched(b *testing.B) {
	c := kidusage.New(kidusage.Config{Keys: &keys{}})
	set := []signer.Key{es, hs, {Ring: "rs", Version: 2, Algorithm: signer.RS256, KID: "rs-two"}}
	b.ReportAllocs()
	for b.Loop() {
		c.Fetched(set)
	}
}
