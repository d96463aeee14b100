package refresh_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"signet/internal/redistest"
	"signet/refresh"
	"signet/refresh/refreshtest"
)

// TestSilentNode: one node of a cluster says nothing any more. That is no matter
// to sessions all of whose keys are on the others.
func TestSilentNode(t *testing.T) {
	t.Parallel()
	cluster, ok := redistest.StartCluster(t, redistest.ClusterConfig{Masters: 3})
	if !ok {
		return
	}
	addrs := make([]string, 0, len(cluster.Masters))
	for _, n := range cluster.Masters {
		addrs = append(addrs, n.Admin.Options().Addr)
	}
	cluster.Isolate(t)
	client := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: addrs, MaxRetries: -1, ContextTimeoutEnabled: true,
		DialTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, PoolTimeout: 10 * time.Second,
	})
	defer func() { _ = client.Close() }()
	store := refresh.New(refresh.Config{Redis: client, Keys: refreshtest.NewKeys(), Timeout: 10 * time.Second})

	slotOf := func(name string) string {
		sum := sha256.Sum256([]byte(name))
		return "{" + base64.RawURLEncoding.EncodeToString(sum[:])[:22] + "}"
	}
	clients, _ := cluster.Owner(t, "signet:nc:"+slotOf("login"))
	silent := (clients + 1) % len(cluster.Masters)
	elsewhere := func(key string) bool {
		at, _ := cluster.Owner(t, key)
		return at != silent
	}
	var session refresh.Session
	for found := false; !found; {
		family, err := refresh.NewFamily(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		_, session, err = store.Create(t.Context(), family, refresh.Session{ClientID: "login", Subject: "user:" + rand.Text()})
		if err != nil {
			t.Fatal(err)
		}
		found = elsewhere("signet:s:"+session.SID) && elsewhere("signet:u:"+slotOf(session.Subject))
	}
	cluster.Masters[silent].Halt(t)
	for range 2 * len(cluster.Masters) { // whatever node would be the next to be asked
		denied, err := store.Denied(t.Context(), refresh.AccessToken{SID: session.SID, Subject: session.Subject, ClientID: session.ClientID})
		if err != nil || denied {
			t.Fatalf("denied %v, %v", denied, err)
		}
		page, _, err := store.List(t.Context(), refresh.ListRequest{Owner: refresh.Owner{Subject: session.Subject}})
		if err != nil || len(page) != 1 {
			t.Fatalf("listed %d, %v", len(page), err)
		}
	}
	if ended, err := store.Revoke(t.Context(), session.SID, session.ClientID); err != nil || !ended {
		t.Fatalf("ended %v, %v", ended, err)
	}
}
