package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"pgregory.net/rapid"

	"signet/config"
)

// TestGuardsHoldInEveryAcceptedFile draws times and checks the guards
// of docs/configuration.md independently: an accepted file meets them all, a refused one
// breaks at least one, and following the remedies leads to an accepted file.
func TestGuardsHoldInEveryAcceptedFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "signet.yaml")
	draw := func(t *rapid.T, name string, maxSeconds int) time.Duration {
		return time.Duration(rapid.IntRange(1, maxSeconds).Draw(t, name)) * time.Second
	}
	rapid.Check(t, func(t *rapid.T) {
		r := config.Ring{
			PublishDelay: draw(t, "publish", 4000), MaxTTL: draw(t, "max_ttl", 4000),
			RotationPeriod: draw(t, "rotation", 9000), RetireMargin: draw(t, "margin", 60),
		}
		k := config.Keys{
			RefreshInterval: draw(t, "refresh", 60), JWKSMaxAge: draw(t, "max_age", 600),
			StaleIfError: draw(t, "stale", 600), ClockSkew: draw(t, "skew", 20),
		}
		ttl := draw(t, "ttl", 4000)
		valid := r.PublishDelay >= k.JWKSMaxAge+k.StaleIfError+k.RefreshInterval+2*k.ClockSkew &&
			r.PublishDelay/2 >= 2*k.RefreshInterval &&
			r.RotationPeriod > r.PublishDelay+r.MaxTTL &&
			r.RetireMargin >= 2*k.ClockSkew+k.RefreshInterval+config.RequestDeadline &&
			ttl <= r.MaxTTL
		err := load(t, path, r, k, ttl)
		if (err == nil) != valid {
			t.Fatalf("valid %v, error %v", valid, err)
		}
		for range 4 { // a remedy may move another bound: max_ttl, publish_delay, rotation_period
			if err == nil {
				return
			}
			follow(t, err, &r, &ttl)
			err = load(t, path, r, k, ttl)
		}
		t.Fatalf("the remedies lead nowhere: %v", err)
	})
}

func load(t *rapid.T, path string, r config.Ring, k config.Keys, ttl time.Duration) error {
	text := fmt.Sprintf(`issuer: http://localhost
vault: {address: "https://v", auth: {method: token, token: {env: X}}}
redis: {insecure: true}
rings: [{name: a, publish_delay: %v, max_ttl: %v, rotation_period: %v, retire_margin: %v}]
keys: {refresh_interval: %v, jwks_max_age: %v, stale_if_error: %v, clock_skew: %v}
tokens: {ttl: %v}
`, r.PublishDelay, r.MaxTTL, r.RotationPeriod, r.RetireMargin, k.RefreshInterval, k.JWKSMaxAge, k.StaleIfError, k.ClockSkew, ttl)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := config.Load(path)
	return err
}

var suggested = regexp.MustCompile(`(?:write (publish_delay|retire_margin|ttl): (\S+) or (?:more|less)|(such as) (\S+)$)`)

// follow applies what the remedies say to write.
func follow(t *rapid.T, err error, r *config.Ring, ttl *time.Duration) {
	var all *config.Error
	if !errors.As(err, &all) {
		t.Fatalf("error %v, want *config.Error", err)
	}
	for _, v := range all.Violations {
		m := suggested.FindStringSubmatch(v.Remedy)
		if m == nil {
			t.Fatalf("no value in remedy %q", v.Remedy)
		}
		d, err := time.ParseDuration(m[2] + m[4])
		if err != nil {
			t.Fatalf("remedy %q: %v", v.Remedy, err)
		}
		switch m[1] {
		case "publish_delay":
			r.PublishDelay = max(r.PublishDelay, d)
		case "retire_margin":
			r.RetireMargin = d
		case "ttl":
			*ttl = d
		default:
			r.RotationPeriod = d
		}
	}
}
