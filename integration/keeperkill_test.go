package integration_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"signet/integration"
	"signet/internal/sharedstate"
	"signet/signer"
	"signet/vaultkeys"
	"signet/vaultkeys/lifecycle"
	"signet/vaultkeys/vaultapi"
)

// The shortest times of a configuration: a rollover takes about 13 seconds, and
// the next one begins after it.
var killed = lifecycle.Policy{
	PublishDelay: 4 * time.Second, MaxTTL: time.Second, RotationPeriod: 14 * time.Second, RetireMargin: 6 * time.Second,
	RefreshInterval: time.Second, ClockSkew: time.Second,
}

// TestKeeperKilledAtAnyRequest: `signet keeper` is killed (SIGKILL) while its
// n-th request to Vault is under way, which Vault has not seen yet or has done
// already, and another one is started. For each n up to 40, about as many as a
// rollover has, and for each of its writes, the ring is rotated, fenced and retired without any help,
// nothing ever goes back, and no step comes before another. A ring, a keeper, a
// proxy and a Redis for each: keepers of one Redis have one lease.
func TestKeeperKilledAtAnyRequest(t *testing.T) {
	if !integration.OnlyOn(t, integration.Process) {
		return // as many containers of Redis would be too many
	}
	const requests = 40 // about as many as a keeper sends in a rollover; on a slow machine it looks more often
	picks := map[string]func(nth int, path, body string) bool{
		"rotate": func(_ int, path, _ string) bool { return strings.HasSuffix(path, "/rotate") },
		"fence":  func(_ int, _, body string) bool { return strings.Contains(body, "min_encryption_version") },
		"retire": func(_ int, _, body string) bool { return strings.Contains(body, "min_decryption_version") },
	}
	for n := 1; n <= requests; n++ {
		picks[strconv.Itoa(n)] = func(nth int, _, _ string) bool { return nth == n }
	}
	var stories []*killing
	var rings []vaultkeys.RingConfig
	for name, pick := range picks {
		for _, after := range []bool{false, true} {
			ring := fmt.Sprintf("killed-%s-%v", name, after)
			rings = append(rings, vaultkeys.RingConfig{Name: ring, Algorithm: signer.EdDSA, Policy: killed})
			stories = append(stories, &killing{ring: ring, at: name, after: after, pick: pick, last: versions{Latest: 1, MinDec: 1}})
		}
	}
	k := newKeeping(t, rings...)
	root := rootConn(t, k.vault)
	for _, s := range stories {
		s.redis, s.holder = integration.NewRedis(t), integration.NewHolder(t, k.vault, s.after, s.pick)
		if err := sharedstate.NewMaxTTLs(s.redis.Client).Report(t.Context(), s.ring, killed.MaxTTL); err != nil { // what replicas do
			t.Fatal(err)
		}
	}
	integration.Eventually(t, time.Minute, "the rings are old enough to be rotated", func() bool {
		return time.Since(k.ready) > killed.RotationPeriod
	})
	for _, s := range stories {
		s.first = integration.StartKeeper(t, s.config(t, k, s.holder.Addr))
	}
	integration.Eventually(t, 5*time.Minute, "every ring went through its rollover", func() bool {
		done := true
		for _, s := range stories {
			done = s.look(t, k, root) && done
		}
		return done
	})
	reached := 0
	for _, s := range stories {
		if s.second != nil {
			reached++
		} else if _, err := strconv.Atoi(s.at); err != nil {
			t.Errorf("no keeper of ring %s was killed", s.ring)
		}
	}
	t.Logf("%d of %d keepers were killed at their request, before or after Vault had done it; the others had finished", reached, len(stories))
	if reached < 40 {
		t.Errorf("%d of %d keepers were killed: not at every request of a rollover", reached, len(stories))
	}
}

// killing is the story of one ring.
type killing struct {
	ring   string
	at     string // the request, by number or by name
	after  bool   // held when Vault has done it
	pick   func(nth int, path, body string) bool
	redis  *integration.Redis
	holder *integration.Holder

	first, second *integration.Keeper
	last          versions
	done          bool
}

// config is that of a keeper with this ring alone.
func (s *killing) config(t *testing.T, k *keeping, vault string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "signet.yaml")
	if err := os.WriteFile(path, []byte(fmt.Sprintf(`issuer: https://tokens.example.com
vault:
  address: %s
  insecure: true
  auth: {method: approle, role_id: {file: role_id}, secret_id: {file: secret_id}}
keeper:
  vault:
    auth: {method: approle, role_id: {file: %[2]s/role_id}, secret_id: {file: %[2]s/secret_id}}
rings:
  - {name: %s, algorithm: EdDSA, publish_delay: %s, max_ttl: %s, rotation_period: %s, retire_margin: %s}
keys: {refresh_interval: %s, jwks_max_age: 1s, stale_if_error: 0s, clock_skew: %s}
tokens: {ttl: 1s}
redis: {addresses: ["%s"], insecure: true}
listen: {address: "127.0.0.1:0"}
ops: {address: "127.0.0.1:0"}
`, vault, k.dir, s.ring, killed.PublishDelay, killed.MaxTTL, killed.RotationPeriod, killed.RetireMargin,
		killed.RefreshInterval, killed.ClockSkew, s.redis.Addr)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// look kills the keeper if its request is there, starts the next one, and
// reports whether the ring is through.
func (s *killing) look(t *testing.T, k *keeping, root *vaultapi.Conn) bool {
	t.Helper()
	if s.done {
		return true
	}
	select {
	case <-s.holder.Held:
		if s.second == nil {
			s.first.Kill()
			s.second = integration.StartKeeper(t, s.config(t, k, k.vault.Addr))
		}
	default:
		if s.first.Exited() {
			t.Fatalf("the keeper of ring %s ended by itself:\n%s", s.ring, s.first.Log())
		}
	}
	v, before := versionsOf(t, root, s.ring), s.last
	s.last = v
	if !v.follows(before) || v.Latest-v.MinDec > 2 {
		t.Fatalf("ring %s, killed at request %s (done: %v): %+v became %+v", s.ring, s.at, s.after, before, v)
	}
	if s.done = v.MinDec >= 2; s.done {
		for _, keeper := range []*integration.Keeper{s.first, s.second} {
			if keeper != nil {
				keeper.Stop(t)
			}
		}
	}
	return s.done
}
