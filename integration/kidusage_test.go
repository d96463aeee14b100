package integration_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"signet/integration"
	"signet/internal/sharedstate"
)

// TestKIDCounts: what two replicas count of each key adds up in Redis, within a
// few refresh intervals; an outage of Redis and the end of a replica lose
// nothing. Before an old key goes, it shows that the world has the new one.
func TestKIDCounts(t *testing.T) {
	const ring = "signet-es256"
	stack := integration.New(t, &integration.Options{Replicas: 2})
	first, second := stack.Signet(0), stack.Signet(1)
	counts := sharedstate.NewKIDCounts(stack.Redis.Client)
	want := sharedstate.KIDUse{}
	kid := ""
	use := func() {
		for _, s := range []*integration.Signet{first, second} {
			token := s.ClientCredentials(t, stack.Demo)
			kid = kidOf(t, token)
			s.Get(t, "/.well-known/jwks.json").Want(t, http.StatusOK)
			want.Issued++
			want.Fetched++
		}
	}
	read := func(kid string) sharedstate.KIDUse {
		all, err := counts.Read(t.Context(), kid)
		if err != nil {
			t.Fatal(err)
		}
		return all[kid]
	}
	same := func(got sharedstate.KIDUse) bool {
		return got.Issued == want.Issued && got.Introspected == want.Introspected && got.Fetched == want.Fetched
	}
	began := time.Now()
	use()
	token := first.ClientCredentials(t, stack.Demo)
	want.Issued++
	for _, s := range []*integration.Signet{first, second} {
		if !s.Active(t, stack.Demo, token) || s.Active(t, stack.Demo, strings.Replace(token, ".", ".x", 1)) {
			t.Fatal("introspection is wrong")
		}
		want.Introspected++
	}
	integration.Eventually(t, 10*integration.RefreshInterval, "the counts of both replicas are in Redis", func() bool { return same(read(kid)) })
	got := read(kid)
	if got.LastIssued.Before(began.Add(-time.Second)) || got.LastIntrospected.Before(got.LastIssued.Add(-time.Millisecond)) {
		t.Errorf("last issued %v, introspected %v; began at %v", got.LastIssued, got.LastIntrospected, began)
	}
	if keys := stack.Redis.Client.Keys(t.Context(), "signet:kid:*").Val(); len(keys) != 1 {
		t.Errorf("counted: %v", keys)
	}

	// Redis is away: tokens and the JWK set go on, and so does counting.
	stack.RedisLink.Cut()
	use()
	integration.Eventually(t, 10*time.Second, "the replicas have noticed", func() bool {
		return strings.Contains(first.Log(), "counts by kid cannot be stored") && strings.Contains(second.Log(), "counts by kid cannot be stored")
	})
	use()
	if same(read(kid)) {
		t.Fatal("the link was not cut")
	}
	stack.RedisLink.Restore()
	integration.Eventually(t, 10*time.Second, "what was counted meanwhile is in Redis", func() bool { return same(read(kid)) })

	// A new version is fetched while it does not sign yet: the canary.
	old := kid
	stack.Vault.Rotate(t, ring)
	var next string
	integration.Eventually(t, 2*time.Second, "the new kid is published and fetched", func() bool {
		want.Fetched++
		kids := first.KIDs(t)
		next = kids[0]
		return len(kids) == 2
	})
	integration.Eventually(t, 10*integration.RefreshInterval, "its fetches are counted", func() bool { return read(next).Fetched > 0 && same(read(old)) })
	if got := read(next); got.Issued != 0 || !got.LastIssued.IsZero() {
		t.Errorf("a version that waits was used: %+v", got)
	}

	// What was counted last is stored when a replica ends.
	second.Get(t, "/.well-known/jwks.json").Want(t, http.StatusOK)
	want.Fetched++
	second.Stop(t)
	if got := read(old); !same(got) {
		t.Errorf("after the end of a replica: %+v, want %+v", got, want)
	}
	if !strings.Contains(first.Ops(t, "/metrics"), `signet_kid_jwks_fetches_total{kid="`+next+`",ring="`+ring+`",version="2"} `) {
		t.Error("no metric of the new version's fetches")
	}
}
