package sharedstate_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"signet/internal/redistest"
	"signet/internal/sharedstate"
)

// sane is a check in which no clock is wrong, however busy the machine.
var sane = sharedstate.CheckConfig{ClockSkew: 5 * time.Second}

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
			wantWarnings(t, sharedstate.CheckServer(t.Context(), client, sane), c.want...)
		})
	}
}

// TestCheckServerThatTellsLittle: miniredis stands for a managed Redis here.
func TestCheckServerThatTellsLittle(t *testing.T) {
	t.Parallel()
	client := open(t, sharedstate.Config{Addresses: []string{miniredis.RunT(t).Addr()}})
	wantWarnings(t, sharedstate.CheckServer(t.Context(), client, sane), "maxmemory-policy", "append-only file", "role", "version")
}

// TestCheckServerClock: only a difference beyond clock_skew is worth a word.
func TestCheckServerClock(t *testing.T) {
	t.Parallel()
	theirs := time.UnixMilli(1_800_000_000_000)
	server := miniredis.RunT(t)
	server.SetTime(theirs)
	client := open(t, sharedstate.Config{Addresses: []string{server.Addr()}})
	for name, c := range map[string]struct {
		ours time.Duration // before the server's clock
		want string
	}{
		"the same":          {0, ""},
		"just within":       {5 * time.Second, ""},
		"just within, late": {-5 * time.Second, ""},
		"ahead":             {5001 * time.Millisecond, "redis' clock is 5.001s ahead of this machine's, more than clock_skew 5s"},
		"behind":            {-time.Hour, "redis' clock is 1h0m0s behind this machine's, more than clock_skew 5s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check := sharedstate.CheckConfig{ClockSkew: 5 * time.Second, Now: func() time.Time { return theirs.Add(-c.ours) }}
			want := []string{"maxmemory-policy", "append-only file", "role", "version"}
			if c.want != "" {
				want = append(want, c.want)
			}
			wantWarnings(t, sharedstate.CheckServer(t.Context(), client, check), want...)
		})
	}
}

func TestCheckServerThatIsDown(t *testing.T) {
	t.Parallel()
	client := open(t, sharedstate.Config{Addresses: []string{"127.0.0.1:" + redistest.FreePort(t)}})
	wantWarnings(t, sharedstate.CheckServer(t.Context(), client, sane), "does not answer")
}

// TestCluster: one node is a cluster too. Every master is asked, and says who
// it is.
func TestCluster(t *testing.T) {
	t.Parallel()
	addr, ok := redistest.Start(t, "--port", "PORT", "--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1",
		"--cluster-port", redistest.FreePort(t), "--cluster-require-full-coverage", "no", "--maxmemory-policy", "volatile-ttl", "--appendonly", "yes")
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
	found := sharedstate.CheckServer(t.Context(), cluster, sane)
	wantWarnings(t, found, "maxmemory-policy is volatile-ttl")
	if found[0].Node != addr || !strings.HasPrefix(found[0].String(), addr) {
		t.Errorf("warning of node %q, want %s", found[0].Node, addr)
	}
}
