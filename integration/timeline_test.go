package integration_test

import (
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"signet/integration"
)

// timeline is a ring as root sees it in Vault, looked at all the time: when each
// version signs by the arithmetic, and what no keeper may ever do. It shares no
// code with Signet.
type timeline struct {
	vault *integration.Vault
	ring  string
	delay time.Duration
	// byHand are the versions that the test itself made.
	byHand map[int]bool

	last      keyRead
	mostAlive int
	rotations int
	known     atomic.Pointer[[]scheduled]
}

// scheduled is a version and when it begins to sign.
type scheduled struct {
	version int
	kid     string
	from    time.Time
}

// keyRead is Vault's answer to a read of a transit key.
type keyRead struct {
	versions

	Keys map[string]keyVersion `json:"keys"`
}

type keyVersion struct {
	Created time.Time `json:"creation_time"`
	Public  string    `json:"public_key"`
}

// kid is the RFC 7638 thumbprint, by go-jose.
func (v keyVersion) kid(t *testing.T) string {
	t.Helper()
	block, _ := pem.Decode([]byte(v.Public))
	if block == nil {
		t.Fatalf("no PEM in %q", v.Public)
	}
	pub, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	thumbprint, err := (&jose.JSONWebKey{Key: pub}).Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(thumbprint)
}

func readKey(t *testing.T, vault *integration.Vault, ring string) keyRead {
	t.Helper()
	raw, err := json.Marshal(vault.Must(t, http.MethodGet, "transit/keys/"+ring, nil))
	if err != nil {
		t.Fatal(err)
	}
	var out keyRead
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func newTimeline(t *testing.T, vault *integration.Vault, ring string, delay time.Duration) *timeline {
	t.Helper()
	l := &timeline{vault: vault, ring: ring, delay: delay, byHand: map[int]bool{}}
	l.last = keyRead{versions: versions{Latest: 1}}
	l.known.Store(&[]scheduled{})
	l.look(t)
	return l
}

// look reads the ring again. Nothing may have been lowered, every step must
// have come in its order, and a ring that is kept by schedule has at most three
// live versions; those made by hand come on top.
func (l *timeline) look(t *testing.T) {
	t.Helper()
	v, before := readKey(t, l.vault, l.ring), l.last
	l.last = v
	if !v.follows(before.versions) {
		t.Fatalf("ring %s: %+v became %+v", l.ring, before, v)
	}
	known := slices.Clone(*l.known.Load())
	for n := len(known) + 1; n <= v.Latest; n++ {
		at, ok := v.Keys[strconv.Itoa(n)]
		if !ok {
			t.Fatalf("ring %s: version %d came and went between two looks", l.ring, n)
		}
		from := at.Created.Add(l.delay)
		if n == 1 {
			from = time.Time{} // nobody else could sign
		}
		known = append(known, scheduled{n, at.kid(t), from})
	}
	l.known.Store(&known)
	l.rotations = v.Latest - 1
	alive := 0
	for n := max(1, v.MinDec); n <= v.Latest; n++ {
		if !l.byHand[n] {
			alive++
		}
	}
	if l.mostAlive = max(l.mostAlive, alive); alive > 3 {
		t.Fatalf("ring %s: %d live versions that a keeper made: %+v", l.ring, alive, v)
	}
}

// rotate makes a version by hand.
func (l *timeline) rotate(t *testing.T) {
	t.Helper()
	l.vault.Rotate(t, l.ring)
	l.byHand[l.vault.Latest(t, l.ring)] = true
}

// signing is the version that signs at a moment, as far as is known.
func (l *timeline) signing(at time.Time) scheduled {
	known := *l.known.Load()
	for _, s := range slices.Backward(known) {
		if !s.from.After(at) {
			return s
		}
	}
	return known[0]
}

// judge says what is wrong with a kid that came back from a request between
// two moments, and otherwise its version.
func (l *timeline) judge(kid string, began, ended time.Time) (int, error) {
	first, last := l.signing(began).version, l.signing(ended).version
	for _, s := range (*l.known.Load())[first-1 : last] {
		if s.kid == kid {
			return s.version, nil
		}
	}
	return 0, fmt.Errorf("signed by %s between %s and %s, when versions %d to %d sign", kid,
		began.Format(time.StampMicro), ended.Format(time.StampMicro), first, last)
}
