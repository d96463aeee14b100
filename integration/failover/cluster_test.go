package failover_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"signet/integration"
)

const slots = 16384

// clusterFleet are three primaries with a replica each.
type clusterFleet struct {
	nodes  []*node
	ids    map[*node]string
	shards []*shard
	owner  [slots]*shard
}

type shard struct{ primary, replica *node }

func newClusterFleet(t *testing.T) *clusterFleet {
	t.Helper()
	f := &clusterFleet{ids: map[*node]string{}}
	for i := range 6 {
		n := newNode(t, "redis-"+strconv.Itoa(i), "--cluster-enabled", "yes", "--cluster-port", freePort(t),
			// Long for a machine that is merely busy.
			"--cluster-node-timeout", "1500",
			"--cluster-replica-validity-factor", "0", "--cluster-require-full-coverage", "no", "--cluster-allow-replica-migration", "no")
		f.nodes = append(f.nodes, n)
		id, ok := must(t, n.client.Do(t.Context(), "CLUSTER", "MYID")).(string)
		if !ok {
			t.Fatal("CLUSTER MYID is no string")
		}
		f.ids[n] = id
		must(t, n.client.Do(t.Context(), "CLUSTER", "SET-CONFIG-EPOCH", i+1)) // or two might claim one
	}
	f.meet(t)
	for i := range 3 {
		s := &shard{primary: f.nodes[i], replica: f.nodes[i+3]}
		f.shards = append(f.shards, s)
		from, to := i*slots/3, (i+1)*slots/3-1
		must(t, s.primary.client.ClusterAddSlotsRange(t.Context(), from, to))
		for slot := from; slot <= to; slot++ {
			f.owner[slot] = s
		}
		must(t, s.replica.client.ClusterReplicate(t.Context(), f.ids[s.primary]))
	}
	f.ready(t)
	return f
}

func (f *clusterFleet) meet(t *testing.T) {
	t.Helper()
	for _, n := range f.nodes[1:] {
		bus := n.args[slices.Index(n.args, "--cluster-port")+1]
		must(t, f.nodes[0].client.Do(t.Context(), "CLUSTER", "MEET", "127.0.0.1", n.port, bus))
	}
	integration.Eventually(t, 60*time.Second, "every node knows every node", func() bool {
		return !slices.ContainsFunc(f.nodes, func(n *node) bool {
			known, err := n.client.ClusterNodes(t.Context()).Result()
			return err != nil || strings.Count(known, " connected") != len(f.nodes) || strings.Contains(known, "handshake")
		})
	})
}

// ready returns when the replicas are in step, and every node sees the slots
// where they are and nobody failing.
func (f *clusterFleet) ready(t *testing.T) {
	t.Helper()
	integration.Eventually(t, 60*time.Second, "the replicas are in step and the nodes agree", func() bool {
		f.unplanned(t)
		for _, s := range f.shards {
			if !s.replica.follows(t, s.primary) {
				return false
			}
		}
		return !slices.ContainsFunc(f.nodes, func(n *node) bool { return !f.agrees(t, n) })
	})
}

func (f *clusterFleet) agrees(t *testing.T, n *node) bool {
	t.Helper()
	state, err := n.client.ClusterInfo(t.Context()).Result()
	if err != nil || !strings.Contains(state, "cluster_state:ok") || !strings.Contains(state, "cluster_slots_ok:16384") {
		return false
	}
	known, err := n.client.ClusterNodes(t.Context()).Result()
	if err != nil || strings.Contains(known, "fail") || strings.Count(known, " connected") != len(f.nodes) {
		return false
	}
	shards, err := n.client.ClusterShards(t.Context()).Result()
	return err == nil && !slices.ContainsFunc(shards, func(s redis.ClusterShard) bool { return !f.isOurs(s) })
}

// isOurs reports whether a shard is as a node describes it.
func (f *clusterFleet) isOurs(s redis.ClusterShard) bool {
	roles := map[string]string{}
	for _, n := range s.Nodes {
		roles[n.ID] = n.Role
	}
	for _, r := range s.Slots {
		for slot := r.Start; slot <= r.End; slot++ {
			ours := f.owner[slot]
			if len(roles) != 2 || roles[f.ids[ours.primary]] != "master" || roles[f.ids[ours.replica]] != "replica" {
				return false
			}
		}
	}
	return true
}

// unplanned ends the test with the reason if a replica was promoted though
// nobody killed its primary: what was acknowledged meanwhile nobody can judge.
func (f *clusterFleet) unplanned(t *testing.T) {
	t.Helper()
	for _, s := range f.shards {
		if s.primary.info(t, "replication")["role"] == "slave" {
			t.Fatalf("the cluster took %s for dead, though nobody killed it: was this machine too busy?", s.primary.name)
		}
	}
}

// kill kills a shard's primary and returns when its replica takes writes.
func (f *clusterFleet) kill(t *testing.T, l *load, s *shard, lagging bool) *kill {
	t.Helper()
	f.ready(t)
	owner := f.owner
	k := &kill{affects: func(slot int) bool { return owner[slot] == s }}
	k.marker = keyIn(k.affects)
	l.strike(t, k, s.primary, []*node{s.replica}, lagging)
	s.primary, s.replica = s.replica, s.primary
	integration.Eventually(t, 90*time.Second, "the replica becomes the primary", func() bool { return s.primary.takesWrites(t, k.marker) })
	k.writable = time.Now()
	k.restart = func() { s.replica.start(t) } // it finds in its directory that it belongs to the cluster
	return k
}

// move moves a slot with live sessions while their owners refresh them, and
// hands it over when one of them was sent on by ASK.
func (f *clusterFleet) move(t *testing.T, slot int, to *shard) {
	t.Helper()
	from := f.owner[slot]
	setSlot := func(at *node, args ...any) {
		t.Helper()
		must(t, at.client.Do(t.Context(), append([]any{"CLUSTER", "SETSLOT", slot}, args...)...))
	}
	setSlot(to.primary, "IMPORTING", f.ids[from.primary])
	setSlot(from.primary, "MIGRATING", f.ids[to.primary])
	asked := from.primary.errorCount(t, "ASK")
	for {
		keys := must(t, from.primary.client.ClusterGetKeysInSlot(t.Context(), slot, 100))
		if len(keys) == 0 {
			break
		}
		migrate := []any{"MIGRATE", "127.0.0.1", to.primary.port, "", 0, 5000, "KEYS"}
		for _, key := range keys {
			migrate = append(migrate, key)
		}
		must(t, from.primary.client.Do(t.Context(), migrate...))
	}
	integration.Eventually(t, 20*time.Second, "a refresh is sent on by ASK", func() bool { return from.primary.errorCount(t, "ASK") > asked })
	setSlot(to.primary, "NODE", f.ids[to.primary])
	setSlot(from.primary, "NODE", f.ids[to.primary])
	f.owner[slot] = to
}

func (f *clusterFleet) addresses() []string {
	var all []string
	for _, n := range f.nodes {
		all = append(all, n.addr())
	}
	return all
}

// TestCluster: slots with live sessions move, and the nodes of a cluster
// promote a replica for a primary that died.
func TestCluster(t *testing.T) {
	beside(t)
	fleet := newClusterFleet(t)
	stack := integration.New(t, &integration.Options{
		Replicas: replicas(), LogLevel: "warn", Refresh: map[string]string{"grace": grace},
		RedisServers: &integration.RedisServers{Addresses: fleet.addresses(), Cluster: true},
	})
	var parts []func(int) bool
	for _, s := range fleet.shards {
		parts = append(parts, func(slot int) bool { return fleet.owner[slot] == s })
	}
	l := startLoad(t, stack, parts)
	moved := 0
	for i := range kills(2) {
		s, next := fleet.shards[i%3], fleet.shards[(i+1)%3]
		for _, c := range l.callers {
			if !c.logins && fleet.owner[c.own.slot] == s {
				fleet.move(t, c.own.slot, next)
				moved++
				break
			}
		}
		k := fleet.kill(t, l, s, i%2 == 1)
		l.recovered(t, k)
		k.restart()
	}
	fleet.ready(t)
	t.Logf("%d slots with live sessions moved", moved)
	l.finish(t)
}

// must is what a command answers, which is no error.
func must[T any](t *testing.T, command interface{ Result() (T, error) }) T {
	t.Helper()
	answer, err := command.Result()
	if err != nil {
		t.Fatalf("%v: %v", command, err)
	}
	return answer
}
