package sharedstate

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Warning is something about the server that endangers sessions.
type Warning struct {
	// Node is the address of a cluster's node or of a Sentinel, empty otherwise.
	Node string
	// Problem and Remedy are for the operator to read.
	Problem, Remedy string
	// Unanswered says that the server said nothing, so that the rest is still
	// to be found out.
	Unanswered bool
}

func (w Warning) String() string {
	text := w.Problem + "; " + w.Remedy
	if w.Node != "" {
		text = w.Node + ": " + text
	}
	return text
}

const oldestMajor = 6 // what the scripts need: SET with PXAT came with 6.2

// CheckConfig is what CheckServer judges the server by.
type CheckConfig struct {
	// ClockSkew is how far the server's clock may be from this machine's.
	ClockSkew time.Duration
	// ReplicasAck is how many replicas must have a revocation.
	ReplicasAck int
	// Now is this machine's clock; nil means time.Now.
	Now func() time.Time
}

// CheckServer looks at the server at start. What it will not tell (a managed
// Redis, one that is down) is a warning too: nothing here keeps a replica from
// starting.
func CheckServer(ctx context.Context, client redis.UniversalClient, c CheckConfig) []Warning {
	if c.Now == nil {
		c.Now = time.Now
	}
	cluster, ok := client.(*redis.ClusterClient)
	if !ok {
		return checkNode(ctx, client, c)
	}
	return checkCluster(ctx, cluster, c)
}

func checkCluster(ctx context.Context, cluster *redis.ClusterClient, c CheckConfig) []Warning {
	var mu sync.Mutex
	var all []Warning
	masters := 0
	err := cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		found := append(checkNode(ctx, node, c), checkClusterNode(ctx, node)...)
		mu.Lock()
		defer mu.Unlock()
		masters++
		for _, w := range found {
			w.Node = node.Options().Addr
			all = append(all, w)
		}
		return nil
	})
	switch {
	case err != nil:
		all = append(all, unreachable(err))
	case masters == 0:
		all = append(all, Warning{
			Problem: "no node of the cluster serves any slot", Unanswered: true,
			Remedy: "make a cluster of the nodes: redis-cli --cluster create",
		})
	}
	return all
}

func unreachable(err error) Warning {
	return Warning{
		Problem: fmt.Sprintf("redis does not answer: %v", err), Unanswered: true,
		Remedy: "check redis.addresses, redis.tls, redis.cluster, the network, the ACL user and its password",
	}
}

func checkNode(ctx context.Context, client redis.Cmdable, c CheckConfig) []Warning {
	if err := client.Ping(ctx).Err(); err != nil {
		return []Warning{unreachable(err)}
	}
	facts := ask(ctx, client)
	var found []Warning
	warn := func(problem, remedy string) { found = append(found, Warning{Problem: problem, Remedy: remedy}) }
	untold := func(what, remedy string) { warn("redis does not tell "+what, remedy) }

	switch policy := facts["maxmemory_policy"]; policy {
	case "noeviction":
	case "":
		untold("its maxmemory-policy", "make sure that it is noeviction")
	default:
		warn(fmt.Sprintf("maxmemory-policy is %s: under memory pressure redis would forget revocations", policy), "set maxmemory-policy noeviction")
	}
	switch facts["aof_enabled"] {
	case "1":
		if facts["appendfsync"] == "no" {
			warn("appendfsync is no: a crash of the machine loses what the system has not written yet", "set appendfsync everysec (or always)")
		}
	case "":
		untold("whether it writes an append-only file", "make sure that appendonly is yes")
	default:
		warn("appendonly is no: a restart of redis loses sessions and revocations", "set appendonly yes")
	}
	switch role := facts["role"]; role {
	case "master":
	case "":
		untold("its role", "make sure that it is the master")
	default:
		warn(fmt.Sprintf("this redis is a %s: it takes no writes", role), "use the master's address, or sentinel (redis.master_name)")
	}
	switch version := facts["redis_version"]; {
	case version == "":
		untold("its version", "make sure that it is 6.2 or newer")
	case olderThan(version, oldestMajor, 2):
		warn("redis is version "+version, "use 6.2 or newer")
	}
	found = append(found, checkReplicas(facts, c.ReplicasAck)...)
	return append(found, checkClock(ctx, client, c)...)
}

// checkReplicas looks whether a revocation can be confirmed at all.
func checkReplicas(facts map[string]string, want int) []Warning {
	if want == 0 || facts["role"] == "slave" { // a replica is a warning already
		return nil
	}
	text, told := facts["connected_slaves"]
	connected, err := strconv.Atoi(text)
	switch {
	case !told || err != nil:
		return []Warning{{
			Problem: "redis does not tell how many replicas it has",
			Remedy:  fmt.Sprintf("make sure that there are %d or more (refresh.replicas_ack)", want),
		}}
	case connected < want:
		return []Warning{{
			Problem: fmt.Sprintf("redis has %d connected replicas, refresh.replicas_ack is %d: every revocation answers 503", connected, want),
			Remedy:  "connect replicas, one more than that so that one may fail, or lower refresh.replicas_ack",
		}}
	}
	return nil
}

// checkClock compares clocks: the server's decides when a denial, a session and
// its grace end.
func checkClock(ctx context.Context, client redis.Cmdable, c CheckConfig) []Warning {
	before := c.Now()
	theirs, err := client.Time(ctx).Result()
	after := c.Now()
	if err != nil {
		return []Warning{{Problem: "redis does not tell its time", Remedy: "allow TIME for the ACL user, as the scripts need it too"}}
	}
	// The answer was made some time between the two.
	direction, off := "ahead of", theirs.Sub(after)
	if behind := before.Sub(theirs); behind > off {
		direction, off = "behind", behind
	}
	if off <= c.ClockSkew {
		return nil
	}
	return []Warning{{
		Problem: fmt.Sprintf("redis' clock is %s %s this machine's, more than clock_skew %s", off.Round(time.Millisecond), direction, c.ClockSkew),
		Remedy:  "run NTP on both machines",
	}}
}

// ask collects what the server tells. CONFIG is often forbidden on a managed
// Redis, while INFO says nearly as much.
func ask(ctx context.Context, client redis.Cmdable) map[string]string {
	facts := map[string]string{}
	for _, section := range []string{"server", "memory", "persistence", "replication"} {
		text, err := client.Info(ctx, section).Result()
		if err != nil {
			continue
		}
		maps.Copy(facts, parseFacts(text))
	}
	for _, name := range []string{"appendfsync", "maxmemory-policy"} {
		if answer, err := client.ConfigGet(ctx, name).Result(); err == nil && answer[name] != "" {
			facts[strings.ReplaceAll(name, "-", "_")] = answer[name]
		}
	}
	return facts
}

// parseFacts reads the lines of INFO.
func parseFacts(text string) map[string]string {
	facts := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			facts[name] = value
		}
	}
	return facts
}

func olderThan(version string, major, minor int) bool {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return false
	}
	haveMajor, majorErr := strconv.Atoi(parts[0])
	haveMinor, minorErr := strconv.Atoi(parts[1])
	if majorErr != nil || minorErr != nil {
		return false
	}
	return haveMajor < major || haveMajor == major && haveMinor < minor
}
