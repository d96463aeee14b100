package clients_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"signet/clients"
)

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	first, firstHash := newSecret(t)
	second, secondHash := newSecret(t)
	others, othersHash := newSecret(t)
	r := mustOpen(t, file(t,
		clients.Entry{ID: "two", Secrets: []string{firstHash, secondHash}},
		clients.Entry{ID: "other", Secrets: []string{othersHash}},
		clients.Entry{ID: "none"},
		clients.Entry{ID: "Two"},
	))
	cases := map[string]struct {
		id, secret string
		right      bool
	}{
		"first secret":           {"two", first, true},
		"second secret":          {"two", second, true},
		"another client":         {"other", others, true},
		"another's secret":       {"two", others, false},
		"wrong secret":           {"other", first, false},
		"secret cut":             {"two", first[:len(first)-1], false},
		"secret longer":          {"two", first + "A", false},
		"secret without prefix":  {"two", strings.TrimPrefix(first, "sgc_"), false},
		"secret in another case": {"two", strings.ToUpper(first), false},
		"the hash for a secret":  {"two", firstHash, false},
		"empty secret":           {"two", "", false},
		"unknown id":             {"three", first, false},
		"id in another case":     {"TWO", first, false},
		"empty id":               {"", first, false},
		"empty both":             {"", "", false},
		"no secrets":             {"none", first, false},
		"no secrets, no secret":  {"none", "", false},
		// The slots that hold no hash are all zero bytes.
		"no secrets, zero bytes":  {"none", strings.Repeat("\x00", 32), false},
		"no secrets, zero base64": {"none", strings.Repeat("A", 43), false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, err := r.Authenticate(c.id, c.secret)
			if c.right && (err != nil || client.ID != c.id) {
				t.Fatalf("got %v, %v", client, err)
			}
			// Byte for byte the same error, whatever was wrong.
			if !c.right && (client != nil || !errors.Is(err, clients.ErrAuthentication) || err.Error() != clients.ErrAuthentication.Error()) {
				t.Fatalf("got %v, %v", client, err)
			}
		})
	}
}

func TestEverySecretAuthenticates(t *testing.T) {
	t.Parallel()
	e := clients.Entry{ID: "x"}
	var secrets []string
	for range 8 {
		secret, hash := newSecret(t)
		secrets, e.Secrets = append(secrets, secret), append(e.Secrets, hash)
	}
	r := mustOpen(t, file(t, e))
	for i, secret := range secrets {
		if _, err := r.Authenticate("x", secret); err != nil {
			t.Errorf("secret %d: %v", i, err)
		}
	}
}

// TestAuthenticateCostsTheSame: hashing a secret of megabytes takes long enough
// to see whether it is skipped for ids that are unknown or have no secrets.
func TestAuthenticateCostsTheSame(t *testing.T) {
	secret, hash := newSecret(t)
	r := mustOpen(t, file(t, clients.Entry{ID: "x", Secrets: []string{hash}}, clients.Entry{ID: "none"}))
	secret += strings.Repeat("A", 8<<20)
	cost := func(id string) time.Duration {
		start := time.Now()
		if _, err := r.Authenticate(id, secret); err == nil {
			t.Fatal("authenticated")
		}
		return time.Since(start)
	}
	for _, id := range []string{"unknown", "none"} {
		known, other := time.Hour, time.Hour // the best of some, taken in turns: the machine may be busy
		for range 15 {
			known, other = min(known, cost("x")), min(other, cost(id))
		}
		if other < known/4 {
			t.Errorf("%s costs %s, a known one %s", id, other, known)
		}
	}
}

func TestLookup(t *testing.T) {
	t.Parallel()
	r := mustOpen(t, "clients:\n  - id: a\n    ttl: 2m\n    ring: long\n    introspect: true\n    audiences: [b, c]\n  - id: z\n")
	c, ok := r.Lookup("a")
	if !ok || c.ID != "a" || c.TTL != 2*time.Minute || c.Ring != "long" || !c.Introspect || fmt.Sprint(c.Audiences) != "[b c]" {
		t.Errorf("got %+v, %v", c, ok)
	}
	if c, ok := r.Lookup("z"); !ok || c.TTL != 0 || c.Ring != "" || c.Introspect || len(c.Audiences) != 0 {
		t.Errorf("got %+v, %v", c, ok)
	}
	for _, id := range []string{"", "A", "b", "a "} {
		if c, ok := r.Lookup(id); ok || c != nil {
			t.Errorf("%q: got %v, %v", id, c, ok)
		}
	}
}

func TestNewSecret(t *testing.T) {
	t.Parallel()
	secrets := regexp.MustCompile(`^sgc_[A-Za-z0-9_-]{43}$`)
	hashes := regexp.MustCompile(`^sha256:[A-Za-z0-9_-]{43}$`)
	seen := map[string]bool{}
	ones := make([]int, 256)
	const n = 1000
	for range n {
		secret, hash := newSecret(t)
		if !secrets.MatchString(secret) || !hashes.MatchString(hash) || strings.Contains(hash, secret[4:]) {
			t.Fatalf("got %q and %q", secret, hash)
		}
		if seen[secret] || seen[hash] {
			t.Fatal("one came twice")
		}
		seen[secret], seen[hash] = true, true
		random, err := base64.RawURLEncoding.Strict().DecodeString(secret[4:])
		if err != nil || len(random) != 32 {
			t.Fatalf("%d bytes, %v", len(random), err)
		}
		for bit := range ones {
			ones[bit] += int(random[bit/8]>>(bit%8)) & 1
		}
	}
	// Every one of the 256 bits is random: ten standard deviations are 158.
	for bit, count := range ones {
		if count < n/2-160 || count > n/2+160 {
			t.Errorf("bit %d is set %d times of %d", bit, count, n)
		}
	}
}
