package deployredis_test

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"signet/internal/redistest"
)

// TestCluster: three nodes by the files, over TLS with client certificates.
func TestCluster(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c, ok := redistest.StartCluster(t, redistest.ClusterConfig{
		Masters: 3, Replicas: 1, Config: h.config(t, "redis.conf"),
		Admin: func(addr string) *redis.Client { return h.admin(t, addr) },
	})
	if !ok {
		return // a strict run has failed
	}
	signet := h.signet(c.Masters[0].Addr, c.Masters[1].Addr)
	signet.Cluster = true
	try := func() (refused []string, err error) {
		client := redistest.Open(t, signet)
		for _, n := range c.Nodes() {
			forgive(t, n.Admin)
		}
		err = work(t.Context(), t, client, 1)
		for _, n := range c.Nodes() {
			refused = append(refused, refusals(t, n.Admin, "signet")...)
		}
		return refused, err
	}
	untilItWorks(t, try)
	all := rules(t, file(t, "users.acl"), "signet")
	everywhere := func(rules []string) {
		for _, n := range c.Nodes() {
			give(t, n.Admin, "signet", rules)
		}
	}
	for _, rule := range onlyCluster {
		everywhere(without(all, rule))
		if refused, _ := try(); len(refused) == 0 && rule != "+asking" {
			t.Errorf("without %s nothing is refused", rule)
		}
	}
	everywhere(all)
	var replicas []*redistest.Process
	for _, r := range c.Replicas {
		replicas = append(replicas, r[0].Process)
	}
	unconfirmedRevocation(t, redistest.Open(t, signet), replicas...)
	sentOn(t, c, redistest.Open(t, signet), everywhere)
}

// sentOn: a session in a slot that is under way is found by ASKING.
func sentOn(t *testing.T, c *redistest.Cluster, client redis.UniversalClient, everywhere func([]string)) {
	t.Helper()
	store := newStore(client, 1)
	token, session := login(t, store)
	at, slot := c.Owner(t, "signet:s:"+session.SID)
	c.Leave(t, slot, c.Masters[at], c.Masters[(at+1)%3])
	eventually(t, "the session is found", func() bool { _, err := store.Inspect(t.Context(), token); return err == nil })
	all := rules(t, file(t, "users.acl"), "signet")
	everywhere(without(all, "+asking"))
	if _, err := store.Inspect(t.Context(), token); err == nil {
		t.Error("the session is found without +asking")
	}
	everywhere(all)
	eventually(t, "the session is revoked where it is", func() bool {
		_, err := store.Revoke(t.Context(), session.SID, "")
		if redis.HasErrorPrefix(err, "ASK") {
			t.Fatal(err)
		}
		return err == nil
	})
}
