package deployredis_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"signet/internal/redistest"
	"signet/internal/sharedstate"
)

const masterName = "mymaster"

// TestSentinel: a primary, a replica and three Sentinels by the files, over TLS
// with client certificates.
func TestSentinel(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	primary, ok := redistest.StartConfigured(t, h.config(t, "redis.conf"))
	if !ok {
		return // a strict run has failed
	}
	replica, _ := redistest.StartConfigured(t, h.config(t, "redis.conf"), "--replicaof", "127.0.0.1 "+primary.Port)
	text := strings.ReplaceAll(h.config(t, "sentinel.conf"), "192.0.2.1 6379", "127.0.0.1 "+primary.Port)
	var addresses []string
	var sentinels []*redis.Client
	for range 3 {
		s, _ := redistest.StartConfigured(t, text, "--sentinel")
		client := h.admin(t, s.Addr)
		t.Cleanup(func() { _ = client.Close() })
		addresses, sentinels = append(addresses, s.Addr), append(sentinels, client)
	}
	c := h.signet(addresses...)
	c.MasterName, c.SentinelUsername, c.SentinelPassword = masterName, "signet-sentinel", password
	eventually(t, "the sentinels know of each other and of the replica", func() bool {
		return len(sharedstate.CheckSentinels(t.Context(), c)) == 0 && sees(t, sentinels, "num-slaves", "1")
	})
	servers := []*redis.Client{h.admin(t, primary.Addr), h.admin(t, replica.Addr)}
	for _, s := range servers {
		t.Cleanup(func() { _ = s.Close() })
	}
	client := redistest.Open(t, c)
	untilItWorks(t, func() ([]string, error) {
		forgive(t, servers[0])
		err := work(t.Context(), t, client, 1)
		return refusals(t, servers[0], "signet"), err
	})
	burst(t, c)
	closedByTheServer(t, redistest.Open(t, c), servers[0])
	signetsSentinelUser(t, c, sentinels, addresses)
	unconfirmedRevocation(t, redistest.Open(t, c), replica)
	failover(t, client, sentinels, servers, replica.Addr)
}

// burst is many callers at once who find no connection yet. That some of the
// first do not get one in time is no fault on a slow machine; that it goes on is.
func burst(t *testing.T, c sharedstate.Config) {
	t.Helper()
	const callers = 40
	client := redistest.Open(t, c)
	rounds := 0
	eventually(t, "every one of 40 callers is answered", func() bool {
		rounds++
		var failed atomic.Int32
		var done sync.WaitGroup
		for range callers {
			done.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
				defer cancel()
				if client.Ping(ctx).Err() != nil {
					failed.Add(1)
				}
			})
		}
		done.Wait()
		t.Logf("round %d: %d of %d callers were not answered", rounds, failed.Load(), callers)
		return failed.Load() == 0
	})
	if rounds > 20 {
		t.Errorf("it took %d rounds until every caller was answered", rounds)
	}
}

// closedByTheServer: the connections of the pool are gone, as after a restart or
// ACL LOAD. Nobody is told so.
func closedByTheServer(t *testing.T, client redis.UniversalClient, server *redis.Client) {
	t.Helper()
	const conns = 12
	one, ok := client.(*redis.Client)
	if !ok {
		t.Fatalf("the client is a %T", client)
	}
	eventually(t, "the pool is full", func() bool {
		var held []*redis.Conn
		for range conns {
			conn := one.Conn()
			held = append(held, conn)
			if conn.Ping(t.Context()).Err() != nil {
				break
			}
		}
		for _, conn := range held {
			_ = conn.Close()
		}
		return one.PoolStats().IdleConns >= conns
	})
	if err := server.ClientKillByFilter(t.Context(), "TYPE", "normal", "SKIPME", "yes").Err(); err != nil {
		t.Fatal(err)
	}
	for i := range conns {
		if err := client.Ping(t.Context()).Err(); err != nil {
			t.Errorf("call %d after the server closed the connections: %v", i, err)
		}
	}
}

// sees reports whether every Sentinel says so of the master.
func sees(t *testing.T, sentinels []*redis.Client, name, value string) bool {
	t.Helper()
	return !slices.ContainsFunc(sentinels, func(s *redis.Client) bool {
		answer, err := s.Do(t.Context(), "SENTINEL", "MASTER", masterName).Result()
		facts, ok := answer.(map[any]any)
		return err != nil || !ok || facts[name] != value
	})
}

// signetsSentinelUser is refused something as soon as one right is taken away.
func signetsSentinelUser(t *testing.T, c sharedstate.Config, sentinels []*redis.Client, addresses []string) {
	t.Helper()
	c.Addresses = addresses[:1] // go-redis asks whichever answers first
	all := rules(t, file(t, "sentinel.conf"), c.SentinelUsername)
	for _, rule := range grants(all) {
		for _, s := range sentinels { // they tell of each other
			give(t, s, c.SentinelUsername, without(all, rule))
		}
		client := redistest.Open(t, c)
		eventually(t, "without "+rule+" something is refused", func() bool {
			_ = client.Ping(t.Context())
			sharedstate.CheckSentinels(t.Context(), c)
			return slices.ContainsFunc(sentinels, func(s *redis.Client) bool { return len(refusals(t, s, c.SentinelUsername)) > 0 })
		})
		for _, s := range sentinels {
			give(t, s, c.SentinelUsername, all)
			if err := s.Do(t.Context(), "ACL", "LOG", "RESET").Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// failover is one that an operator asks for: Signet finds the new primary, and
// nobody was refused anything on the way.
func failover(t *testing.T, client redis.UniversalClient, sentinels, servers []*redis.Client, to string) {
	t.Helper()
	for _, server := range slices.Concat(sentinels, servers) {
		if err := server.Do(t.Context(), "ACL", "LOG", "RESET").Err(); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "a failover begins", func() bool {
		return sentinels[0].Do(t.Context(), "SENTINEL", "FAILOVER", masterName).Err() == nil
	})
	_, port, _ := strings.Cut(to, ":")
	eventually(t, "every sentinel knows the new primary", func() bool { return sees(t, sentinels, "port", port) })
	eventually(t, "the old primary follows it", func() bool {
		return strings.Contains(servers[0].Info(t.Context(), "replication").Val(), "master_link_status:up")
	})
	eventually(t, "sessions go on", func() bool { return sessions(t.Context(), t, client, 1) == nil })
	for _, server := range slices.Concat(sentinels, servers) {
		for _, user := range []string{"signet", "signet-sentinel", "sentinel", "peer", "replica", "default"} {
			if got := refusals(t, server, user); len(got) > 0 {
				t.Errorf("%s refused %s %v", server.Options().Addr, user, got)
			}
		}
	}
}
