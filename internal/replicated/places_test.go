package replicated_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"signet/internal/redistest"
	"signet/internal/sharedstate"
)

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
		<-tick.C
	}
}

func pair(t *testing.T) (place, bool) {
	primary, ok := redistest.Start(t, "--repl-diskless-sync-delay", "0")
	if !ok {
		return place{}, false
	}
	p := replicaOf(t, primary)
	p.open = func() redis.UniversalClient {
		return redistest.Open(t, sharedstate.Config{Addresses: []string{primary}})
	}
	return p, true
}

// sentinel says where the primary is; the replica may hang, it takes nobody for
// dead.
func sentinel(t *testing.T) (place, bool) {
	primary, ok := redistest.Start(t, "--repl-diskless-sync-delay", "0")
	if !ok {
		return place{}, false
	}
	p := replicaOf(t, primary)
	_, port, _ := strings.Cut(primary, ":")
	s, ok := redistest.StartConfigured(t, fmt.Sprintf("bind 127.0.0.1\nport PORT\ndir DIR\nsentinel monitor main 127.0.0.1 %s 1\n", port), "--sentinel")
	if !ok {
		return place{}, false
	}
	p.open = func() redis.UniversalClient {
		return redistest.Open(t, sharedstate.Config{Addresses: []string{s.Addr}, MasterName: "main"})
	}
	return p, true
}

func replicaOf(t *testing.T, primary string) place {
	replica, _ := redistest.StartProcess(t, "--replicaof", strings.Replace(primary, ":", " ", 1))
	p := place{halt: func() { replica.Halt(t) }, resume: func() { replica.Resume(t) }}
	for _, side := range []struct {
		addr string
		get  *func(string) *redis.Client
	}{{primary, &p.primary}, {replica.Addr, &p.replica}} {
		client := redis.NewClient(&redis.Options{Addr: side.addr})
		t.Cleanup(func() { _ = client.Close() })
		*side.get = func(string) *redis.Client { return client }
	}
	eventually(t, "the replica is in step", func() bool {
		return strings.Contains(p.replica("").Info(t.Context(), "replication").Val(), "master_link_status:up")
	})
	return p
}

func cluster(t *testing.T) (place, bool) {
	c, ok := redistest.StartCluster(t, redistest.ClusterConfig{Masters: 2, Replicas: 1})
	if !ok {
		return place{}, false
	}
	return placeOf(t, c), true
}

func placeOf(t *testing.T, c *redistest.Cluster) place {
	each := func(do func(*redistest.Node)) func() {
		return func() {
			for _, replicas := range c.Replicas {
				do(replicas[0])
			}
		}
	}
	at := func(key string) int { i, _ := c.Owner(t, key); return i }
	return place{
		open: func() redis.UniversalClient {
			return redistest.Open(t, sharedstate.Config{Addresses: []string{c.Masters[0].Addr, c.Masters[1].Addr}, Cluster: true})
		},
		primary: func(key string) *redis.Client { return c.Masters[at(key)].Admin },
		replica: func(key string) *redis.Client {
			admin := c.Replicas[at(key)][0].Admin
			admin.Do(t.Context(), "READONLY")
			return admin
		},
		halt:   each(func(n *redistest.Node) { n.Halt(t) }),
		resume: each(func(n *redistest.Node) { n.Resume(t) }),
	}
}
