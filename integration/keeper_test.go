package integration_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/integration"
	"signet/internal/logtest"
	"signet/internal/sharedstate"
	"signet/signer"
	"signet/vaultkeys"
	"signet/vaultkeys/keeper"
	"signet/vaultkeys/lifecycle"
	"signet/vaultkeys/vaultapi"
	"signet/vaultkeys/vaultinit"
	"signet/vaultkeys/vaulttest"
)

// keeping is a Vault that `signet vault init` prepared for some rings, and what
// a keeper needs: its own AppRole's credentials, and Redis.
type keeping struct {
	vault  *integration.Vault
	redis  *integration.Redis
	rings  []vaultkeys.RingConfig
	ready  time.Time
	dir    string
	logged logtest.Buffer
}

// The times of these tests: a rollover takes about four seconds.
var keeperPolicy = lifecycle.Policy{
	PublishDelay: time.Second, MaxTTL: time.Second, RotationPeriod: 6 * time.Second, RetireMargin: 500 * time.Millisecond,
	RefreshInterval: keeperInterval, ClockSkew: 100 * time.Millisecond,
}

const keeperInterval = 250 * time.Millisecond

func keptRing(name string, alg signer.Algorithm, period time.Duration) vaultkeys.RingConfig {
	r := vaultkeys.RingConfig{Name: name, Algorithm: alg, Policy: keeperPolicy}
	r.Policy.RotationPeriod = period
	return r
}

func newKeeping(t *testing.T, rings ...vaultkeys.RingConfig) *keeping {
	t.Helper()
	k := &keeping{vault: integration.NewVault(t), redis: integration.NewRedis(t), rings: rings, dir: filepath.Join(t.TempDir(), "keeper")}
	err := vaultinit.Run(t.Context(), vaultinit.Config{
		Conn: rootConn(t, k.vault), Rings: rings, MACKey: "keeper-refresh", KeeperCredentialsDir: k.dir, Out: io.Discard,
	})
	if err != nil {
		t.Fatalf("vault init: %v", err)
	}
	k.ready = time.Now()
	for _, r := range rings { // what replicas do
		if err := sharedstate.NewMaxTTLs(k.redis.Client).Report(t.Context(), r.Name, r.Policy.MaxTTL); err != nil {
			t.Fatal(err)
		}
	}
	return k
}

// login is a connection of the keeper's own, under keeper.hcl.
func (k *keeping) login(t *testing.T) *vaultapi.Conn {
	t.Helper()
	file := func(name string) func() (string, error) {
		return func() (string, error) {
			raw, err := os.ReadFile(filepath.Join(k.dir, name))
			return strings.TrimSpace(string(raw)), err
		}
	}
	conn, err := vaultapi.New(vaultapi.Config{
		Address: k.vault.Addr, Timeout: 10 * time.Second, Logger: slog.New(slog.DiscardHandler),
		Login: vaultapi.AppRole(vaultapi.AppRoleConfig{RoleID: file("role_id"), SecretID: file("secret_id")}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func (k *keeping) keeper(vault keeper.Vault, lease keeper.Lease, rings ...vaultkeys.RingConfig) *keeper.Keeper {
	return keeper.New(keeper.Config{
		Vault: vault, Rings: rings, RefreshInterval: keeperInterval, Lease: lease,
		FirstSeen: sharedstate.NewFirstSeen(k.redis.Client), MaxTTLs: sharedstate.NewMaxTTLs(k.redis.Client),
		Logger: slog.New(slog.NewTextHandler(&k.logged, nil)),
	})
}

// versions is what root sees of a ring.
type versions struct {
	Latest int `json:"latest_version"`
	MinDec int `json:"min_decryption_version"`
	MinEnc int `json:"min_encryption_version"`
}

// follows reports whether a ring that was before may be v now: nothing was
// lowered, and no version retired before it was fenced.
func (v versions) follows(before versions) bool {
	return v.Latest >= before.Latest && v.MinEnc >= before.MinEnc && v.MinDec >= before.MinDec && v.MinDec <= max(1, v.MinEnc)
}

func versionsOf(t *testing.T, vault keeper.Vault, ring string) versions {
	t.Helper()
	var v versions
	if _, err := vault.Read(t.Context(), "transit/keys/"+ring, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestKeepersRotate: three keepers at once, with a lease or without, rotate by
// schedule; another ring is rotated by hand, three times within a second.
// Nothing is ever lowered, and every step comes in its order.
func TestKeepersRotate(t *testing.T) {
	scheduled := []vaultkeys.RingConfig{
		keptRing("kept-es256", signer.ES256, keeperPolicy.RotationPeriod),
		keptRing("kept-hs256", signer.HS256, keeperPolicy.RotationPeriod),
	}
	byHand := keptRing("kept-by-hand", signer.EdDSA, 1000*time.Hour)
	rings := append(scheduled, byHand)
	k := newKeeping(t, rings...)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	t.Cleanup(running.Wait)
	t.Cleanup(cancel)
	for i := range 3 {
		var lease keeper.Lease // one keeper knows nothing of it
		if i > 0 {
			lease = sharedstate.NewKeeperLease(k.redis.Client, 3*keeperInterval)
		}
		run := k.keeper(k.login(t), lease, rings...)
		running.Go(func() { _ = run.Run(ctx) }) // it returns nil
	}
	for range 3 {
		k.vault.Rotate(t, byHand.Name)
	}
	root := rootConn(t, k.vault)
	last := map[string]versions{}
	integration.Eventually(t, time.Minute, "every ring was rotated, fenced and retired", func() bool {
		done := true
		for _, r := range rings {
			v, before := versionsOf(t, root, r.Name), last[r.Name]
			if !v.follows(before) {
				t.Fatalf("ring %s: %+v became %+v\n%s", r.Name, before, v, k.logged.String())
			}
			last[r.Name] = v
			done = done && v.MinDec >= 3
		}
		return done
	})
	if v := last[byHand.Name]; v != (versions{4, 4, 4}) {
		t.Errorf("rotated by hand three times: %+v", v)
	}
	if strings.Contains(k.logged.String(), "failing") {
		t.Errorf("something failed:\n%s", k.logged.String())
	}
}

var errCut = errors.New("cut")

// TestKeeperEndsAtAnyRequest: of a rollover's requests the n-th fails, done or
// not, and the keeper ends with it; the next one goes on. A ring for each n.
func TestKeeperEndsAtAnyRequest(t *testing.T) {
	const requests = 24 // what a keeper sends in a rollover of about four seconds
	var rings []vaultkeys.RingConfig
	for n := 1; n <= requests; n++ {
		for _, when := range []string{"before", "after"} {
			rings = append(rings, keptRing(fmt.Sprintf("kept-%s-%d", when, n), signer.EdDSA, 10*time.Second))
		}
	}
	k := newKeeping(t, rings...)
	conn := k.login(t)
	integration.Eventually(t, time.Minute, "the rings are old enough to be rotated", func() bool {
		return time.Since(k.ready) > 10*time.Second
	})
	var all sync.WaitGroup
	results := make(chan error, len(rings))
	for i, ring := range rings {
		all.Go(func() { results <- k.interrupted(t.Context(), conn, ring, i/2+1, i%2 == 1) })
	}
	all.Wait()
	close(results)
	reached := 0
	for err := range results {
		switch {
		case errors.Is(err, errCut):
			reached++
		case err != nil:
			t.Error(err)
		}
	}
	if reached < requests {
		t.Errorf("%d of %d keepers were ended by their request", reached, len(rings))
	}
}

// interrupted is one ring's story; errCut if the request was reached, which is
// no failure.
func (k *keeping) interrupted(ctx context.Context, conn *vaultapi.Conn, ring vaultkeys.RingConfig, n int, lost bool) error {
	first, end := context.WithCancel(ctx)
	defer end()
	cut := &vaulttest.Cut{Conn: conn, N: n, Lost: lost, Fail: func() error {
		end()
		return fmt.Errorf("%w: %w", vaultapi.ErrUnavailable, errCut)
	}}
	if err := k.retires(first, conn, k.keeper(cut, nil, ring), ring.Name); err == nil {
		return nil // retired before its n-th request
	}
	if err := k.retires(ctx, conn, k.keeper(conn, nil, ring), ring.Name); err != nil {
		return fmt.Errorf("after request %d of ring %s (done: %v): %w", n, ring.Name, lost, err)
	}
	return errCut
}

// retires does rounds until version 1 is retired.
func (k *keeping) retires(ctx context.Context, conn *vaultapi.Conn, keeper *keeper.Keeper, ring string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(keeperInterval)
	defer tick.Stop()
	for {
		failed := keeper.Round(ctx)
		var v versions
		_, err := conn.Read(ctx, "transit/keys/"+ring, &v)
		switch {
		case errors.Join(failed, err) != nil:
			return errors.Join(failed, err)
		case v.MinDec > max(1, v.MinEnc) || v.MinEnc > v.Latest || v.Latest > 4: // a slow machine reaches the next rotation
			return fmt.Errorf("%+v out of order", v)
		case v.MinDec >= 2:
			return nil
		}
		<-tick.C
	}
}
