package sharedstate_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"signet/internal/redistest"
	"signet/internal/sharedstate"
)

// TestCheckReplicas: what waits for replicas is told when there are too few.
func TestCheckReplicas(t *testing.T) {
	t.Parallel()
	primary, ok := redistest.Start(t, "--appendonly", "yes", "--repl-diskless-sync-delay", "0")
	if !ok {
		return
	}
	redistest.Start(t, "--replicaof", strings.Replace(primary, ":", " ", 1))
	client := open(t, sharedstate.Config{Addresses: []string{primary}})
	eventually(t, "the replica is connected", func() bool {
		return strings.Contains(client.Info(t.Context(), "replication").Val(), "state=online")
	})
	for replicas, want := range [][]string{nil, nil, {"has 1 connected replicas"}} {
		c := sane
		c.ReplicasAck = replicas
		wantWarnings(t, sharedstate.CheckServer(t.Context(), client, c), want...)
	}
	silent, _ := redistest.Start(t, "--appendonly", "yes", "--rename-command", "INFO", "")
	c := sane
	c.ReplicasAck = 1
	found := sharedstate.CheckServer(t.Context(), open(t, sharedstate.Config{Addresses: []string{silent}}), c)
	wantWarnings(t, found, "append-only file", "role", "version", "how many replicas")
}

// TestCheckSentinels: alone, with others that it needs and that are away, and
// with rights that it was not given.
func TestCheckSentinels(t *testing.T) {
	t.Parallel()
	primary, ok := redistest.Start(t)
	if !ok {
		return
	}
	_, port, _ := strings.Cut(primary, ":")
	const user = "user signet-sentinel on >secret allchannels +@all %s\n"
	start := func(quorum int, more string) sharedstate.Config {
		t.Helper()
		s, _ := redistest.StartConfigured(t, fmt.Sprintf("bind 127.0.0.1\nport PORT\ndir DIR\nsentinel monitor main 127.0.0.1 %s %d\n%s", port, quorum, more), "--sentinel")
		return sharedstate.Config{Addresses: []string{s.Addr}, MasterName: "main"}
	}
	alone := start(1, "")
	wantWarnings(t, sharedstate.CheckSentinels(t.Context(), alone), "1 sentinels know")
	wantWarnings(t, sharedstate.CheckSentinels(t.Context(), start(2, "")), "1 sentinels know", "no quorum")
	unknown := alone
	unknown.MasterName = "other"
	wantWarnings(t, sharedstate.CheckSentinels(t.Context(), unknown), "does not say where other is")
	shy := start(1, fmt.Sprintf(user, "-sentinel|sentinels -sentinel|ckquorum"))
	shy.SentinelUsername, shy.SentinelPassword = "signet-sentinel", "secret"
	wantWarnings(t, sharedstate.CheckSentinels(t.Context(), shy), "which others", "whether there is a quorum")
	shy.SentinelPassword = "guess"
	wantWarnings(t, sharedstate.CheckSentinels(t.Context(), shy), "does not say where main is")
	down := sharedstate.Config{Addresses: []string{"127.0.0.1:" + redistest.FreePort(t)}, MasterName: "main"}
	found := sharedstate.CheckSentinels(t.Context(), down)
	wantWarnings(t, found, "does not say where main is")
	if found[0].Node != down.Addresses[0] {
		t.Errorf("node %q", found[0].Node)
	}
	down.TLS = &sharedstate.TLS{CACert: "/nowhere"}
	wantWarnings(t, sharedstate.CheckSentinels(t.Context(), down), "nowhere")
}

// TestCheckClusterState: a cluster without all of its slots serves no session,
// or not each.
func TestCheckClusterState(t *testing.T) {
	t.Parallel()
	for coverage, c := range map[string]struct{ always, partly []string }{
		"yes": {[]string{"full-coverage is yes"}, []string{"full-coverage is yes", "cluster_state is fail"}},
		"no":  {nil, []string{"16283 of 16384 slots"}},
	} {
		addr, ok := redistest.Start(t, "--port", "PORT", "--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1",
			"--cluster-port", redistest.FreePort(t), "--cluster-require-full-coverage", coverage, "--appendonly", "yes")
		if !ok {
			return
		}
		node := open(t, sharedstate.Config{Addresses: []string{addr}})
		slots := func(command string, from, to int) {
			t.Helper()
			if err := node.Do(t.Context(), "CLUSTER", command, from, to).Err(); err != nil {
				t.Fatal(err)
			}
		}
		state := func(want string) {
			t.Helper()
			eventually(t, "cluster_state:"+want, func() bool {
				return strings.Contains(node.ClusterInfo(t.Context()).Val(), "cluster_state:"+want)
			})
		}
		slots("ADDSLOTSRANGE", 0, 16383)
		state("ok")
		cluster := open(t, sharedstate.Config{Addresses: []string{addr}, Cluster: true})
		wantWarnings(t, sharedstate.CheckServer(t.Context(), cluster, sane), c.always...)
		slots("DELSLOTSRANGE", 0, 100)
		if coverage == "yes" {
			state("fail")
		}
		eventually(t, "the slots are gone", func() bool {
			return strings.Contains(node.ClusterInfo(t.Context()).Val(), "cluster_slots_ok:16283")
		})
		wantWarnings(t, sharedstate.CheckServer(t.Context(), cluster, sane), c.partly...)
		quiet(t, node)
		wantWarnings(t, sharedstate.CheckServer(t.Context(), cluster, sane), append(c.always, "state of the cluster")...)
	}
}

// quiet forbids CLUSTER INFO to everybody.
func quiet(t *testing.T, node redis.UniversalClient) {
	t.Helper()
	if err := node.Do(t.Context(), "ACL", "SETUSER", "default", "-cluster|info").Err(); err != nil {
		t.Fatal(err)
	}
}
