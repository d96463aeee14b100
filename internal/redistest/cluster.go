package redistest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

const slots = 16384

// ClusterConfig describes a cluster to start.
type ClusterConfig struct {
	// Masters is how many there are, each with so many Replicas.
	Masters, Replicas int
	// Config is a text of configuration for each node, as that of StartConfigured;
	// empty means plain TCP on PORT.
	Config string
	// Admin opens a client that may do everything on a node; nil means plain TCP
	// without a user.
	Admin func(addr string) *redis.Client
}

// Node is a node of a cluster.
type Node struct {
	*Process

	ID    string
	Admin *redis.Client
}

// Cluster is a cluster of servers.
type Cluster struct {
	Masters []*Node
	// Replicas[i] are those of Masters[i].
	Replicas [][]*Node
}

// Nodes are all of them.
func (c *Cluster) Nodes() []*Node { return slices.Concat(c.Masters, slices.Concat(c.Replicas...)) }

// StartCluster starts a cluster whose slots are spread evenly over its masters
// in their order, and returns when all nodes agree; ok is false if this machine
// has no redis-server.
func StartCluster(t testing.TB, c ClusterConfig) (cluster *Cluster, ok bool) {
	t.Helper()
	if c.Admin == nil {
		c.Admin = func(addr string) *redis.Client { return redis.NewClient(&redis.Options{Addr: addr}) }
	}
	cluster = &Cluster{}
	var all []*Node
	for range c.Masters * (1 + c.Replicas) {
		n, ok := startNode(t, c)
		if !ok {
			return nil, false
		}
		all = append(all, n)
	}
	join(t, all)
	cluster.Masters = all[:c.Masters]
	for i, master := range cluster.Masters {
		must(t, master.Admin.ClusterAddSlotsRange(t.Context(), i*slots/c.Masters, (i+1)*slots/c.Masters-1).Err())
		from := c.Masters + i*c.Replicas
		cluster.Replicas = append(cluster.Replicas, all[from:from+c.Replicas])
		for _, replica := range all[from : from+c.Replicas] {
			must(t, replica.Admin.ClusterReplicate(t.Context(), master.ID).Err())
		}
	}
	until(t, "the nodes agree", func() bool {
		for _, n := range all {
			if !n.agrees(t, c.Masters) {
				return false
			}
		}
		return true
	})
	return cluster, true
}

func startNode(t testing.TB, c ClusterConfig) (*Node, bool) {
	t.Helper()
	if c.Config == "" {
		c.Config = "bind 127.0.0.1\nport PORT\nsave \"\"\ndir DIR\n"
	}
	p, ok := StartConfigured(t, c.Config,
		"--cluster-enabled", "yes", "--cluster-port", FreePort(t), "--cluster-announce-ip", "127.0.0.1",
		"--repl-diskless-sync-delay", "0", "--cluster-allow-replica-migration", "no",
		// A halted node is not to be replaced, nor one of a machine that is merely busy.
		"--cluster-node-timeout", "60000")
	if !ok {
		return nil, false
	}
	n := &Node{Process: p, Admin: c.Admin(p.Addr)}
	t.Cleanup(func() { _ = n.Admin.Close() })
	n.ID = n.Admin.Do(t.Context(), "CLUSTER", "MYID").String()
	n.ID = n.ID[strings.LastIndex(n.ID, " ")+1:]
	return n, true
}

func join(t testing.TB, all []*Node) {
	t.Helper()
	for i, n := range all {
		must(t, n.Admin.Do(t.Context(), "CLUSTER", "SET-CONFIG-EPOCH", i+1).Err()) // or two might claim one
		bus := n.Admin.ConfigGet(t.Context(), "cluster-port").Val()["cluster-port"]
		must(t, all[0].Admin.Do(t.Context(), "CLUSTER", "MEET", "127.0.0.1", n.Port, bus).Err())
	}
	until(t, "every node knows every node", func() bool {
		for _, n := range all {
			known := n.Admin.ClusterNodes(t.Context()).Val()
			if strings.Count(known, " connected") != len(all) || strings.Contains(known, "handshake") {
				return false
			}
		}
		return true
	})
}

// agrees reports whether the node sees all slots served, and is in step if it
// is a replica.
func (n *Node) agrees(t testing.TB, masters int) bool {
	t.Helper()
	state := n.Admin.ClusterInfo(t.Context()).Val()
	if !strings.Contains(state, "cluster_state:ok") || !strings.Contains(state, fmt.Sprintf("cluster_size:%d", masters)) {
		return false
	}
	replication := n.Admin.Info(t.Context(), "replication").Val()
	return strings.Contains(replication, "role:master") || strings.Contains(replication, "master_link_status:up")
}

// Isolate has each node go on serving its slots whatever becomes of the others, whom
// no replica replaces: what a node that says nothing is to those who do not need it.
func (c *Cluster) Isolate(t testing.TB) {
	t.Helper()
	for _, n := range c.Nodes() {
		for name, value := range map[string]string{"cluster-require-full-coverage": "no", "cluster-node-timeout": "600000"} {
			must(t, n.Admin.ConfigSet(t.Context(), name, value).Err())
		}
	}
}

// Owner is the master of a key's slot at the start.
func (c *Cluster) Owner(t testing.TB, key string) (at int, slot int64) {
	t.Helper()
	slot, err := c.Masters[0].Admin.ClusterKeySlot(t.Context(), key).Result()
	must(t, err)
	for int64((at+1)*slots/len(c.Masters)-1) < slot {
		at++
	}
	return at, slot
}

// Leave begins to move a slot: its keys are gone from a node, which sends
// whoever asks for one on by ASK.
func (c *Cluster) Leave(t testing.TB, slot int64, from, to *Node) {
	t.Helper()
	to.setSlot(t, slot, "IMPORTING", from.ID)
	from.setSlot(t, slot, "MIGRATING", to.ID)
	for _, key := range from.Admin.ClusterGetKeysInSlot(t.Context(), int(slot), 1000).Val() {
		migrate := []any{"MIGRATE", "127.0.0.1", to.Port, key, 0, 5000}
		if o := to.Admin.Options(); o.Username != "" {
			migrate = append(migrate, "AUTH2", o.Username, o.Password)
		}
		must(t, from.Admin.Do(t.Context(), migrate...).Err())
	}
}

// Arrive ends what Leave began: the slot is another node's.
func (c *Cluster) Arrive(t testing.TB, slot int64, to *Node) {
	t.Helper()
	to.setSlot(t, slot, "NODE", to.ID)
	for _, n := range c.Masters {
		n.setSlot(t, slot, "NODE", to.ID)
	}
}

func (n *Node) setSlot(t testing.TB, slot int64, args ...any) {
	t.Helper()
	must(t, n.Admin.Do(t.Context(), append([]any{"CLUSTER", "SETSLOT", slot}, args...)...).Err())
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// until polls; a busy machine may take its time.
func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
		<-tick.C
	}
}
