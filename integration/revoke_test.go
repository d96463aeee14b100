package integration_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"signet/integration"
)

// emergencyTimes are short, but for an interval that can be told from a busy machine.
var emergencyTimes = integration.KeyTimes{
	PublishDelay: 30 * time.Second, MaxTTL: 10 * time.Minute, RotationPeriod: 24 * time.Hour, RetireMargin: 6 * time.Second,
	RefreshInterval: time.Second, JWKSMaxAge: time.Second, StaleIfError: time.Second, ClockSkew: time.Second,
}

// TestRevokeUnderLoad: the emergency, while callers ask all of three replicas
// for tokens the whole time. By turns with nothing but the suspect in Vault, so
// that the new version signs as soon as it is there, and with a version that is
// published already and is promoted.
func TestRevokeUnderLoad(t *testing.T) {
	const ring = "signet-es256"
	stack := integration.New(t, &integration.Options{Replicas: 3, Times: &emergencyTimes})
	tr := &traffic{stack: stack, replicas: []*integration.Signet{stack.Signet(0), stack.Signet(1), stack.Signet(2)}, unverified: true}
	var e atomic.Pointer[emergency]
	e.Store(&emergency{})
	tr.judge = func(_ int, kid string, began, _ time.Time) error { return e.Load().judge(kid, began) }
	tr.refused = func(replica int, r integration.Reply, _, _ time.Time) error { return e.Load().refused(replica, r) }
	tr.start(t, 4)
	rounds := 4
	if soak() {
		rounds = 40
	}
	for round := range rounds {
		token := stack.Signet(0).ClientCredentials(t, stack.Demo)
		kid := kidOf(t, token)
		if round%2 == 1 {
			stack.Vault.Rotate(t, ring)
			for _, s := range tr.replicas {
				integration.Eventually(t, 10*time.Second, "the next version is published", func() bool { return len(s.KIDs(t)) == 2 })
			}
		}
		now := &emergency{kid: kid}
		e.Store(now)
		gone := now.watch(t, tr.replicas)
		issued := tr.issued.Load()
		began := time.Now()
		revokeByCommand(t, stack, kid)
		returned := time.Now()
		now.over.Store(&returned)
		for i, at := range gone() {
			late := at.Sub(returned)
			t.Logf("round %d, replica %d: without the kid %v after the command returned", round, i, late)
			if late > emergencyTimes.RefreshInterval+500*time.Millisecond {
				t.Errorf("round %d, replica %d: the revoked kid was published for %v after the command returned", round, i, late)
			}
			if tr.replicas[i].Active(t, stack.Demo, token) {
				t.Errorf("round %d, replica %d: a token of the revoked kid is active", round, i)
			}
		}
		integration.Eventually(t, 20*time.Second, "tokens of another key", func() bool { return now.others.Load() > 100 })
		t.Logf("round %d: the command took %v; %d tokens meanwhile and after it; 503s by replica: %v",
			round, returned.Sub(began), tr.issued.Load()-issued, now.counts())
		for i, n := range now.counts() {
			if n > 1 {
				t.Errorf("round %d, replica %d: %d callers were refused, want at most one", round, i, n)
			}
		}
	}
	tr.stop()
	if n, first := tr.failures.report(); n > 0 {
		t.Errorf("%d failures, first of all:\n%s", n, first)
	}
}

// emergency is the revocation of one kid.
type emergency struct {
	kid    string
	over   atomic.Pointer[time.Time] // when the command had returned
	others atomic.Int64              // tokens of other keys since then

	mu      sync.Mutex
	refusal [3]int
}

// judge: what was asked for after the command returned is not of that key.
func (e *emergency) judge(kid string, began time.Time) error {
	over := e.over.Load()
	if over == nil || began.Before(*over) {
		return nil
	}
	if kid == e.kid {
		return fmt.Errorf("signed with the revoked kid, and asked for %v after the command had returned", began.Sub(*over))
	}
	e.others.Add(1)
	return nil
}

func (e *emergency) refused(replica int, r integration.Reply) error {
	if r.Status != http.StatusServiceUnavailable {
		return fmt.Errorf("replica %d: status %d: %s", replica, r.Status, r.Body)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refusal[replica]++
	return nil
}

func (e *emergency) counts() []int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.refusal[:])
}

// watch looks at every replica's JWK set all the time, until it is without the
// kid; the result waits for that, and says when it was.
func (e *emergency) watch(t *testing.T, replicas []*integration.Signet) func() []time.Time {
	t.Helper()
	gone := make([]time.Time, len(replicas))
	var all sync.WaitGroup
	for i, s := range replicas {
		all.Go(func() {
			tick := time.NewTicker(10 * time.Millisecond)
			defer tick.Stop()
			for t.Context().Err() == nil {
				asked := time.Now()
				kids, err := s.TryKIDs()
				if err == nil && !slices.Contains(kids, e.kid) {
					gone[i] = asked
					return
				}
				<-tick.C
			}
		})
	}
	return func() []time.Time { all.Wait(); return gone }
}

// revokeByCommand is what an operator does in an emergency.
func revokeByCommand(t *testing.T, stack *integration.Stack, kid string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), integration.SignetBinary(t), "keys", "revoke", "--config", stack.Config(0), "--kid", kid, "--yes")
	cmd.Env = append(os.Environ(), "VAULT_ADDR="+stack.Vault.Addr, "VAULT_TOKEN="+stack.Vault.RootToken)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("signet keys revoke: %v\n%s", err, out)
	}
}
