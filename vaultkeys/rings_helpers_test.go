package vaultkeys_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/prometheus/client_golang/prometheus"

	"signet/signer"
	"signet/vaultkeys"
	"signet/vaultkeys/lifecycle"
	"signet/vaultkeys/vaulttest"
)

// clock is a hand-driven time.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

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

const (
	publishDelay = 24 * time.Hour
	maxTTL       = time.Hour
)

var policy = lifecycle.Policy{PublishDelay: publishDelay, MaxTTL: maxTTL, RefreshInterval: 10 * time.Second}

// fixture is a fake Vault with a ring and a replica on it.
type fixture struct {
	*clock
	vault *vaulttest.Fake
	rings *vaultkeys.Rings
	log   *bytes.Buffer
	reg   *prometheus.Registry
}

func ring(name string, alg signer.Algorithm) vaultkeys.RingConfig {
	return vaultkeys.RingConfig{Name: name, Algorithm: alg, Policy: policy}
}

func newFixture(t *testing.T, edit func(*vaultkeys.RingsConfig), rings ...vaultkeys.RingConfig) *fixture {
	t.Helper()
	clk := newClock()
	vault := vaulttest.New(clk.now)
	vault.Strict = true
	if len(rings) == 0 {
		rings = []vaultkeys.RingConfig{ring("es", signer.ES256)}
	}
	for _, r := range rings {
		vault.CreateKey(r.Name, vaultkeys.ParamsOf(r.Algorithm, r.RSABits).KeyType)
	}
	return newReplica(clk, vault, edit, rings)
}

// newReplica is a replica on a fake that is there already.
func newReplica(clk *clock, vault *vaulttest.Fake, edit func(*vaultkeys.RingsConfig), rings []vaultkeys.RingConfig) *fixture {
	f := &fixture{clock: clk, vault: vault, log: &bytes.Buffer{}, reg: prometheus.NewRegistry()}
	cfg := vaultkeys.RingsConfig{
		Vault: f.vault, Rings: rings, RefreshInterval: 10 * time.Second, JWKSMaxAge: 5 * time.Minute, StaleIfError: time.Hour,
		ClockSkew: 5 * time.Second, Now: f.now, Logger: slog.New(slog.NewTextHandler(f.log, nil)), Registerer: f.reg,
	}
	if edit != nil {
		edit(&cfg)
	}
	f.rings = vaultkeys.NewRings(cfg)
	return f
}

func (f *fixture) load(t *testing.T) {
	t.Helper()
	if err := f.rings.Load(t.Context()); err != nil {
		t.Fatalf("Load: %v", err)
	}
}

func (f *fixture) signing(t *testing.T, ring string) signer.Key {
	t.Helper()
	k, err := f.rings.SigningKey(ring)
	if err != nil {
		t.Fatalf("SigningKey(%q): %v", ring, err)
	}
	return k
}

func (f *fixture) kids(t *testing.T) []string {
	t.Helper()
	return kidsOf(t, f.rings.JWKS().Body)
}

// kidsOf are the kids of a JWKS, in order, as an independent parser sees them.
func kidsOf(t interface {
	Fatalf(format string, args ...any)
}, body []byte,
) []string {
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(body, &set); err != nil {
		t.Fatalf("JWKS: %v", err)
	}
	kids := []string{}
	for _, k := range set.Keys {
		if !k.IsPublic() || !k.Valid() || k.Use != "sig" || k.Algorithm == "" {
			t.Fatalf("JWKS has a bad key: %+v", k)
		}
		kids = append(kids, k.KeyID)
	}
	return kids
}

func (f *fixture) alarms(t *testing.T, ring, kind string) float64 {
	t.Helper()
	families, err := f.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, fam := range families {
		if fam.GetName() != "signet_ring_alarms_total" {
			continue
		}
		for _, m := range fam.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if labels["ring"] == ring && labels["kind"] == kind {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

// kidOf is the thumbprint of a version of ring "es".
func kidOf(t *testing.T, f *fixture, version int) string {
	t.Helper()
	kid, err := vaultkeys.Thumbprint(f.vault.Public("es", version))
	if err != nil {
		t.Fatal(err)
	}
	return kid
}

func equal(a, b []string) bool { return strings.Join(a, ",") == strings.Join(b, ",") }
