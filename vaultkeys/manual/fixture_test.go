package manual_test

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"signet/internal/logtest"
	"signet/signer"
	"signet/vaultkeys"
	"signet/vaultkeys/lifecycle"
	"signet/vaultkeys/manual"
	"signet/vaultkeys/vaulttest"
)

const (
	interval = 10 * time.Second
	skew     = 5 * time.Second
	delay    = 10 * time.Minute
	maxTTL   = 10 * time.Minute
	margin   = time.Minute
	period   = time.Hour
	// alive is how long a token signed just before a fence may live, and the margin.
	alive = maxTTL + margin
)

var policy = lifecycle.Policy{
	PublishDelay: delay, MaxTTL: maxTTL, RotationPeriod: period, RetireMargin: margin,
	RefreshInterval: interval, ClockSkew: skew,
}

// redis stands for what Redis knows; while err is set it does not answer.
type redis struct {
	err     error
	revoked map[string]manual.Revocation
	kids    map[string]map[int]string // by ring
	fences  map[string]lifecycle.Standing
	seen    map[string]time.Time
	largest time.Duration
	uses    map[string]manual.KIDUse
	revokes int
}

func (r *redis) shared() manual.Shared {
	return manual.Shared{Revoked: r, KIDs: r, Fences: r, FirstSeen: r, MaxTTLs: r, Uses: r}
}

func (r *redis) List(context.Context) (map[string]manual.Revocation, error) {
	return maps.Clone(r.revoked), r.err
}

func (r *redis) Revoke(_ context.Context, kid string, what manual.Revocation) error {
	r.revokes++
	if _, ok := r.revoked[kid]; !ok && r.err == nil {
		r.revoked[kid] = what
	}
	return r.err
}

func (r *redis) Recall(_ context.Context, ring string) (map[int]string, error) {
	return r.kids[ring], r.err
}

func (r *redis) Remember(_ context.Context, ring string, version int, kid string) error {
	if r.err == nil {
		r.kids[ring][version] = kid
	}
	return r.err
}

func (r *redis) See(_ context.Context, ring string, minEncryption int, now time.Time) error {
	if r.err == nil {
		s := r.fences[ring]
		s.See(minEncryption, now)
		r.fences[ring] = s
	}
	return r.err
}

func (r *redis) Since(_ context.Context, ring string, version int) (time.Time, bool, error) {
	s := r.fences[ring]
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC) // any time will do
	stood, ok := s.For(version, at)
	return at.Add(-stood), ok && r.err == nil, r.err
}

func (r *redis) FirstSeen(_ context.Context, name string, version int, now time.Time) (time.Time, error) {
	id := name + " " + strconv.Itoa(version)
	if _, ok := r.seen[id]; !ok && r.err == nil {
		r.seen[id] = now
	}
	return r.seen[id], r.err
}

func (r *redis) Largest(context.Context, string) (time.Duration, error) { return r.largest, r.err }

func (r *redis) Read(_ context.Context, kids ...string) (map[string]manual.KIDUse, error) {
	out := map[string]manual.KIDUse{}
	for _, kid := range kids {
		if use, ok := r.uses[kid]; ok {
			out[kid] = use
		}
	}
	return out, r.err
}

// fixture is a fake Vault under the rule that parameters are strings, a Redis,
// and the operator's configuration.
type fixture struct {
	t     *testing.T
	now   time.Time
	vault *vaulttest.Fake
	redis *redis
	log   *logtest.Buffer
	cfg   manual.Config
	steps []manual.Step
}

func ringOf(name string, alg signer.Algorithm) vaultkeys.RingConfig {
	return vaultkeys.RingConfig{Name: name, Algorithm: alg, Policy: policy}
}

var errDown = errors.New("redis is down")

// newFixture has version 1 of each ring, an hour old.
func newFixture(t *testing.T, rings ...vaultkeys.RingConfig) *fixture {
	t.Helper()
	if len(rings) == 0 {
		rings = []vaultkeys.RingConfig{ringOf("es", signer.ES256)}
	}
	f := &fixture{
		t: t, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), log: &logtest.Buffer{},
		redis: &redis{
			revoked: map[string]manual.Revocation{}, kids: map[string]map[int]string{"es": {}, "hs": {}}, fences: map[string]lifecycle.Standing{},
			seen: map[string]time.Time{}, largest: maxTTL, uses: map[string]manual.KIDUse{},
		},
	}
	f.vault = vaulttest.New(func() time.Time { return f.now })
	f.vault.Strict = true
	for _, r := range rings {
		f.vault.CreateKey(r.Name, vaultkeys.ParamsOf(r.Algorithm, r.RSABits).KeyType)
	}
	f.cfg = manual.Config{
		Vault: f.vault, Rings: rings, Shared: f.redis.shared(), Patience: time.Hour,
		Pause: func(ctx context.Context, d time.Duration) error {
			f.now = f.now.Add(d)
			return ctx.Err()
		},
		Now: func() time.Time { return f.now }, Logger: slog.New(slog.NewTextHandler(f.log, nil)),
		Did: func(s manual.Step) { f.steps = append(f.steps, s) },
	}
	f.look()
	f.advance(time.Hour)
	return f
}

func (f *fixture) advance(d time.Duration) { f.now = f.now.Add(d) }

func (f *fixture) operator() *manual.Operator { return manual.New(f.cfg) }

// look is what a keeper or an operator does from time to time.
func (f *fixture) look() *manual.Listing {
	f.t.Helper()
	l, err := f.operator().List(f.t.Context(), "")
	if err != nil {
		f.t.Fatal(err)
	}
	return l
}

// state is what a key read shows of the versions.
type state struct {
	Latest int `json:"latest_version"`
	MinDec int `json:"min_decryption_version"`
	MinEnc int `json:"min_encryption_version"`
	Avail  int `json:"min_available_version"`
}

func (f *fixture) state(ring string) (s state) {
	f.t.Helper()
	if _, err := f.vault.Read(f.t.Context(), "transit/keys/"+ring, &s); err != nil {
		f.t.Fatal(err)
	}
	return s
}

func (f *fixture) want(ring string, want state) {
	f.t.Helper()
	if got := f.state(ring); got != want {
		f.t.Fatalf("ring %s is %+v, want %+v; written: %v\n%s", ring, got, want, f.steps, f.log)
	}
}

func (f *fixture) kid(ring string, version int) string {
	f.t.Helper()
	kid, err := vaultkeys.Thumbprint(f.vault.Public(ring, version))
	if err != nil {
		f.t.Fatal(err)
	}
	return kid
}

// firstHMACKID is the kid of version 1 of the ring hs.
func (f *fixture) firstHMACKID() string {
	f.t.Helper()
	kid, err := vaultkeys.SymmetricKID(f.t.Context(), f.vault, "transit/hmac/hs", 1)
	if err != nil {
		f.t.Fatal(err)
	}
	return kid
}

func (f *fixture) listed(kids ...string) {
	f.t.Helper()
	got := slices.Sorted(maps.Keys(f.redis.revoked))
	slices.Sort(kids)
	if !slices.Equal(got, kids) {
		f.t.Fatalf("the revoked list is %q, want %q", got, kids)
	}
}

// cutAt fails the n-th request, before Vault sees it or, with lost, after.
func (f *fixture) cutAt(n int, lost bool, err error) *vaulttest.Cut {
	return &vaulttest.Cut{Conn: f.vault, N: n, Lost: lost, Fail: func() error { return err }}
}
