package failover_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"signet/integration"
)

const masterName = "sessions"

// sentinelFleet is a primary, two replicas and three Sentinels.
type sentinelFleet struct {
	nodes     []*node
	primary   *node
	sentinels []*redis.SentinelClient
	addresses []string // of the sentinels
}

func newSentinelFleet(t *testing.T) *sentinelFleet {
	t.Helper()
	f := &sentinelFleet{}
	f.primary = newNode(t, "redis-0")
	f.nodes = append(f.nodes, f.primary)
	for i := range 2 {
		f.nodes = append(f.nodes, newNode(t, fmt.Sprintf("redis-%d", i+1), "--replicaof", "127.0.0.1 "+f.primary.port))
	}
	for i := range 3 {
		f.startSentinel(t, i)
	}
	f.ready(t)
	return f
}

// startSentinel: what is down for a second and a half is down, which is long
// for a machine that is merely busy.
func (f *sentinelFleet) startSentinel(t *testing.T, i int) {
	t.Helper()
	dir, port := t.TempDir(), freePort(t)
	config := filepath.Join(dir, "sentinel.conf") // it writes its state there
	text := fmt.Sprintf(`bind 127.0.0.1
port %[1]s
dir %[2]s
sentinel monitor %[3]s 127.0.0.1 %[4]s 2
sentinel down-after-milliseconds %[3]s 1500
sentinel failover-timeout %[3]s 10000
sentinel parallel-syncs %[3]s 2
`, port, dir, masterName, f.primary.port)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	child := integration.StartChild(t, fmt.Sprintf("sentinel-%d", i), redisServer(t), config, "--sentinel")
	client := redis.NewSentinelClient(ownEyes("127.0.0.1:" + port))
	t.Cleanup(func() { _ = client.Close() })
	f.sentinels, f.addresses = append(f.sentinels, client), append(f.addresses, "127.0.0.1:"+port)
	integration.Eventually(t, 30*time.Second, "a sentinel answers", func() bool {
		if child.Exited() {
			t.Fatalf("a sentinel ended at start:\n%s", child.Log())
		}
		return client.Ping(t.Context()).Err() == nil
	})
}

// ready returns when the replicas are in step and every Sentinel sees the
// primary, both replicas and both other Sentinels as they are.
func (f *sentinelFleet) ready(t *testing.T) {
	t.Helper()
	integration.Eventually(t, 60*time.Second, "the replicas are in step and the sentinels agree", func() bool {
		f.unplanned(t, f.sentinels[0])
		for _, n := range f.nodes {
			if n != f.primary && !n.follows(t, f.primary) {
				return false
			}
		}
		return !slices.ContainsFunc(f.sentinels, func(s *redis.SentinelClient) bool { return !f.agrees(t, s) })
	})
}

func (f *sentinelFleet) agrees(t *testing.T, s *redis.SentinelClient) bool {
	t.Helper()
	master, err := s.Master(t.Context(), masterName).Result()
	if err != nil || master["port"] != f.primary.port || master["flags"] != "master" || master["num-other-sentinels"] != "2" {
		return false
	}
	replicas, err := s.Replicas(t.Context(), masterName).Result()
	if err != nil || len(replicas) != 2 {
		return false
	}
	for _, r := range replicas {
		if r["flags"] != "slave" || r["master-link-status"] != "ok" || r["master-port"] != f.primary.port {
			return false
		}
	}
	return s.CkQuorum(t.Context(), masterName).Err() == nil
}

// unplanned ends the test with the reason if the Sentinels promoted a replica
// of their own accord: what was acknowledged meanwhile nobody can judge.
func (f *sentinelFleet) unplanned(t *testing.T, s *redis.SentinelClient) {
	t.Helper()
	addr, err := s.GetMasterAddrByName(t.Context(), masterName).Result()
	if err == nil && len(addr) == 2 && addr[1] != f.primary.port && f.primary.info(t, "replication")["role"] == "slave" {
		t.Fatalf("the sentinels took %s for dead and promoted port %s, though nobody killed it: was this machine too busy?", f.primary.name, addr[1])
	}
}

// kill kills the primary and returns when another one takes writes.
func (f *sentinelFleet) kill(t *testing.T, l *load, lagging bool) *kill {
	t.Helper()
	f.ready(t)
	dead := f.primary
	rest := slices.DeleteFunc(slices.Clone(f.nodes), func(n *node) bool { return n == dead })
	k := &kill{affects: everySlot, marker: "marker"}
	l.strike(t, k, dead, rest, lagging)
	integration.Eventually(t, 90*time.Second, "a replica becomes the primary", func() bool {
		i := slices.IndexFunc(rest, func(n *node) bool { return n.takesWrites(t, k.marker) })
		if i >= 0 {
			f.primary, k.writable = rest[i], time.Now()
		}
		return i >= 0
	})
	k.restart = func() { dead.start(t, "--replicaof", "127.0.0.1 "+f.primary.port) }
	return k
}

// TestSentinel: the Sentinels promote a replica for a primary that died.
func TestSentinel(t *testing.T) {
	beside(t)
	fleet := newSentinelFleet(t)
	stack := integration.New(t, &integration.Options{
		Replicas: replicas(), LogLevel: "warn", Refresh: map[string]string{"grace": grace},
		RedisServers: &integration.RedisServers{Addresses: fleet.addresses, MasterName: masterName},
	})
	l := startLoad(t, stack, []func(int) bool{everySlot})
	for i := range kills(3) {
		k := fleet.kill(t, l, i%2 == 1)
		l.recovered(t, k)
		k.restart()
	}
	fleet.ready(t)
	l.finish(t)
}
