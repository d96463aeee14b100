package sharedstate_test

import (
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"signet/internal/redistest"
	"signet/internal/sharedstate"
)

func TestRevocations(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, client redis.UniversalClient, _ func(time.Duration)) {
		list := sharedstate.NewRevocations(client)
		kid, other := jti(t), jti(t)+"-other"
		at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
		first := sharedstate.Revocation{Ring: "signet-es256", Version: 3, At: at}
		for _, what := range []sharedstate.Revocation{first, {At: at.Add(time.Hour)}} {
			if err := list.Revoke(t.Context(), kid, what); err != nil {
				t.Fatal(err)
			}
		}
		client.HSet(t.Context(), "signet:revoked", other, "nonsense")
		t.Cleanup(func() { client.HDel(t.Context(), "signet:revoked", kid, other) })
		all, err := list.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := all[kid]; got != first {
			t.Errorf("noted %+v, want the first note %+v", got, first)
		}
		if got, ok := all[other]; !ok || got != (sharedstate.Revocation{}) {
			t.Errorf("a kid with an unreadable note: %+v, %v; it must stay on the list", got, ok)
		}
		if ttl := client.PTTL(t.Context(), "signet:revoked").Val(); ttl != -1 {
			t.Errorf("forgotten in %v", ttl)
		}
	})
}

func TestKIDs(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, client redis.UniversalClient, _ func(time.Duration)) {
		kids, ring := sharedstate.NewKIDs(client), jti(t)
		recall := func() map[int]string {
			t.Helper()
			all, err := kids.Recall(t.Context(), ring)
			if err != nil {
				t.Fatal(err)
			}
			return all
		}
		if got := recall(); len(got) != 0 {
			t.Errorf("recalled %v of a new ring", got)
		}
		for _, note := range []struct {
			version int
			kid     string
		}{{1, "a"}, {12, "b"}, {1, "c"}} {
			if err := kids.Remember(t.Context(), ring, note.version, note.kid); err != nil {
				t.Fatal(err)
			}
		}
		client.HSet(t.Context(), "signet:kids:"+ring, "nonsense", "d", "-1", "e")
		if got := recall(); len(got) != 2 || got[1] != "c" || got[12] != "b" {
			t.Errorf("recalled %v, want 1:c 12:b", got)
		}
		if err := kids.Remember(t.Context(), ring, 12, ""); err != nil {
			t.Fatal(err)
		}
		if got := recall(); len(got) != 1 || got[1] != "c" {
			t.Errorf("recalled %v after a note was taken back", got)
		}
	})
}

func TestKIDProofs(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, client redis.UniversalClient, _ func(time.Duration)) {
		kids, ring := sharedstate.NewKIDs(client), jti(t)
		for _, proof := range []string{"a", "b"} {
			if err := kids.RememberProof(t.Context(), ring, 12, proof); err != nil {
				t.Fatal(err)
			}
		}
		if err := kids.Remember(t.Context(), ring, 1, "kid"); err != nil {
			t.Fatal(err)
		}
		client.HSet(t.Context(), "signet:kids:"+ring, "x.proof", "d", "-1.proof", "e", ".proof", "f", "3.proof", "", "4.proofs", "g")
		if got, err := kids.RecallProofs(t.Context(), ring); err != nil || len(got) != 1 || got[12] != "b" {
			t.Errorf("recalled the proofs %v, %v, want 12:b", got, err)
		}
		if got, err := kids.Recall(t.Context(), ring); err != nil || len(got) != 1 || got[1] != "kid" {
			t.Errorf("recalled the kids %v, %v, want 1:kid", got, err)
		}
	})
}

func TestFences(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, client redis.UniversalClient, _ func(time.Duration)) {
		fences, ring := sharedstate.NewFences(client), jti(t)
		start := time.UnixMilli(1_800_000_000_000)
		see := func(value int, after time.Duration) {
			t.Helper()
			if err := fences.See(t.Context(), ring, value, start.Add(after)); err != nil {
				t.Fatal(err)
			}
		}
		want := func(version int, after time.Duration) { // negative: it stands not there
			t.Helper()
			at, ok, err := fences.Since(t.Context(), ring, version)
			if err != nil || ok != (after >= 0) || ok && !at.Equal(start.Add(after)) {
				t.Fatalf("at %d or above since %v, %v, %v; want %v after the start", version, at, ok, err, after)
			}
		}
		want(1, -1)
		see(0, 0)
		want(1, -1)
		see(2, time.Minute)
		see(2, time.Hour) // still
		want(2, time.Minute)
		want(1, time.Minute)
		want(3, -1)
		see(9, 2*time.Hour) // as text after "10"
		see(10, 3*time.Hour)
		want(10, 3*time.Hour)
		want(9, 2*time.Hour)
		want(2, time.Minute)
		client.HSet(t.Context(), "signet:fence:"+ring, "nonsense", "x")
		see(1, 4*time.Hour) // somebody lowered it
		want(2, -1)
		want(1, 4*time.Hour)
		see(2, 5*time.Hour+time.Nanosecond)
		want(2, 5*time.Hour+time.Millisecond)
	})
}

func TestKIDCounts(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, client redis.UniversalClient, _ func(time.Duration)) {
		counts, kid := sharedstate.NewKIDCounts(client), jti(t)
		early, late := time.UnixMilli(1_800_000_000_001), time.UnixMilli(1_800_000_000_002)
		for _, delta := range []sharedstate.KIDUse{
			{Issued: 1 << 40, Introspected: 2, LastIssued: late},
			{Issued: 1, Fetched: 3, LastIssued: early, LastIntrospected: early},
			{},
		} {
			if err := counts.Add(t.Context(), kid, delta); err != nil {
				t.Fatal(err)
			}
		}
		all, err := counts.Read(t.Context(), kid, kid+"-never")
		want := sharedstate.KIDUse{Issued: 1<<40 + 1, Introspected: 2, Fetched: 3, LastIssued: late, LastIntrospected: early}
		if err != nil || len(all) != 1 || all[kid] != want {
			t.Errorf("counted %+v, %v; want %+v", all, err, want)
		}
		if ttl := client.PTTL(t.Context(), "signet:kid:"+kid).Val(); ttl < 17520*time.Hour {
			t.Errorf("forgotten in %v, before a key's longest life", ttl)
		}
		client.HSet(t.Context(), "signet:kid:"+kid, "issued", "nonsense")
		if all, err := counts.Read(t.Context(), kid); err == nil {
			t.Errorf("nonsense read as %+v", all)
		}
	})
}

func TestRingStateOutage(t *testing.T) {
	t.Parallel()
	client := open(t, sharedstate.Config{Addresses: []string{"127.0.0.1:" + redistest.FreePort(t)}})
	_, list := sharedstate.NewRevocations(client).List(t.Context())
	_, recall := sharedstate.NewKIDs(client).Recall(t.Context(), "x")
	_, proofs := sharedstate.NewKIDs(client).RecallProofs(t.Context(), "x")
	_, _, since := sharedstate.NewFences(client).Since(t.Context(), "x", 1)
	_, counts := sharedstate.NewKIDCounts(client).Read(t.Context(), "x")
	for what, err := range map[string]error{
		"revoke":   sharedstate.NewRevocations(client).Revoke(t.Context(), "x", sharedstate.Revocation{}),
		"list":     list,
		"remember": sharedstate.NewKIDs(client).Remember(t.Context(), "x", 1, "y"),
		"recall":   recall,
		"prove":    sharedstate.NewKIDs(client).RememberProof(t.Context(), "x", 1, "y"),
		"proofs":   proofs,
		"see":      sharedstate.NewFences(client).See(t.Context(), "x", 1, time.Now()),
		"since":    since,
		"add":      sharedstate.NewKIDCounts(client).Add(t.Context(), "x", sharedstate.KIDUse{Issued: 1}),
		"counts":   counts,
	} {
		if !errors.Is(err, sharedstate.ErrUnavailable) {
			t.Errorf("%s: %v, want ErrUnavailable", what, err)
		}
	}
}
