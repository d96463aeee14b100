package sharedstate_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"

	"signet/internal/redistest"
	"signet/internal/sharedstate"
)

// wantWarnings compares warnings by a word of each.
func wantWarnings(t *testing.T, got []sharedstate.Warning, words ...string) {
	t.Helper()
	left := slices.Clone(got)
	for _, word := range words {
		i := slices.IndexFunc(left, func(w sharedstate.Warning) bool { return strings.Contains(w.Problem, word) })
		if i < 0 {
			t.Fatalf("no warning about %q in %v", word, got)
		}
		left = slices.Delete(left, i, i+1)
	}
	if len(left) > 0 {
		t.Fatalf("warnings nobody expected: %v", left)
	}
	for _, w := range got {
		if w.Problem == "" || w.Remedy == "" || !strings.Contains(w.String(), w.Remedy) {
			t.Errorf("warning %+v lacks something", w)
		}
	}
}

func TestCheckServer(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		args []string
		want []string
	}{
		"good":           {[]string{"--appendonly", "yes", "--maxmemory-policy", "noeviction"}, nil},
		"default":        {nil, []string{"appendonly is no"}},
		"evicting":       {[]string{"--appendonly", "yes", "--maxmemory-policy", "allkeys-lru"}, []string{"maxmemory-policy is allkeys-lru"}},
		"never synced":   {[]string{"--appendonly", "yes", "--appendfsync", "no"}, []string{"appendfsync is no"}},
		"a replica":      {[]string{"--appendonly", "yes", "--replicaof", "127.0.0.1 1"}, []string{"is a slave"}},
		"without CONFIG": {[]string{"--appendonly", "yes", "--rename-command", "CONFIG", ""}, nil},
		"without INFO":   {[]string{"--appendonly", "yes", "--rename-command", "INFO", ""}, []string{"append-only file", "role", "version"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr, ok := redistest.Start(t, c.args...)
			if !ok {
				return
			}
			client := open(t, sharedstate.Config{Addresses: []string{addr}})
			wantWarnings(t, sharedstate.CheckServer(t.Context(), client), c.want...)
		})
	}
}

// TestCheckServerThatTellsLittle: miniredis stands for a managed Redis here.
func TestCheckServerThatTellsLittle(t *testing.T) {
	t.Parallel()
	client := open(t, sharedstate.Config{Addresses: []string{miniredis.RunT(t).Addr()}})
	wantWarnings(t, sharedstate.CheckServer(t.Context(), client), "maxmemory-policy", "append-only file", "role", "version")
}

func TestCheckServerThatIsDown(t *testing.T) {
	t.Parallel()
	client := open(t, sharedstate.Config{Addresses: []string{"127.0.0.1:" + redistest.FreePort(t)}})
	wantWarnings(t, sharedstate.CheckServer(t.Context(), client), "does not answer")
}

// TestCluster: one node is a cluster too. Every master is asked, and says who
// it is.
func TestCluster(t *testing.T) {
	t.Parallel()
	addr, ok := redistest.Start(t, "--port", "PORT", "--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1",
		"--maxmemory-policy", "volatile-ttl", "--appendonly", "yes")
	if !ok {
		return
	}
	single := open(t, sharedstate.Config{Addresses: []string{addr}})
	if err := single.Do(t.Context(), "CLUSTER", "ADDSLOTSRANGE", "0", "16383").Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the cluster is up", func() bool {
		return strings.Contains(single.ClusterInfo(t.Context()).Val(), "cluster_state:ok")
	})
	cluster := open(t, sharedstate.Config{Addresses: []string{addr}, Cluster: true})
	found := sharedstate.CheckServer(t.Context(), cluster)
	wantWarnings(t, found, "maxmemory-policy is volatile-ttl")
	if found[0].Node != addr || !strings.HasPrefix(found[0].String(), addr) {
		t.Errorf("warning of node %q, want %s", found[0].Node, addr)
	}
}
