package failover_test

import (
	"math/rand/v2"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"signet/integration"
)

// node is one redis-server that can be killed and started again on its port
// and in its directory.
type node struct {
	name, port string
	client     *redis.Client // the test's own
	child      *integration.Child
	args       []string
}

// Memory only, and a replica that comes back is in step at once.
var common = []string{
	"--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction",
	"--repl-diskless-sync-delay", "0", "--shutdown-timeout", "0",
}

func newNode(t *testing.T, name string, args ...string) *node {
	t.Helper()
	n := &node{name: name, port: freePort(t)}
	n.args = append(append([]string{"--port", n.port, "--dir", t.TempDir()}, common...), args...)
	n.client = redis.NewClient(ownEyes(n.addr()))
	t.Cleanup(func() { _ = n.client.Close() })
	n.start(t)
	return n
}

func ownEyes(addr string) *redis.Options {
	return &redis.Options{
		Addr: addr, MaxRetries: -1, DialerRetries: 1, DialTimeout: time.Second, ReadTimeout: time.Second, WriteTimeout: time.Second,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
}

func (n *node) addr() string { return "127.0.0.1:" + n.port }

// start starts it, also again, with additional arguments for this once.
func (n *node) start(t *testing.T, more ...string) {
	t.Helper()
	n.child = integration.StartChild(t, n.name, redisServer(t), append(append([]string{}, n.args...), more...)...)
	integration.Eventually(t, 30*time.Second, n.name+" answers", func() bool {
		if n.child.Exited() {
			t.Fatalf("%s ended at start:\n%s", n.name, n.child.Log())
		}
		return n.client.Ping(t.Context()).Err() == nil
	})
}

// takesWrites is asked of the server itself: a replica answers READONLY.
func (n *node) takesWrites(t *testing.T, key string) bool {
	t.Helper()
	return n.client.Set(t.Context(), key, "written", 0).Err() == nil
}

// confirm returns when so many replicas have everything that the node had
// acknowledged at a moment, and says when that was.
func (n *node) confirm(t *testing.T, key string, replicas int) (asOf time.Time) {
	t.Helper()
	integration.Eventually(t, 30*time.Second, n.name+"'s replicas confirm a write", func() bool {
		connection := n.client.Conn() // WAIT is about the writes of its own connection
		defer func() { _ = connection.Close() }()
		asOf = time.Now()
		if connection.Set(t.Context(), key, "confirmed", 0).Err() != nil {
			return false
		}
		confirmed, err := connection.Wait(t.Context(), replicas, 500*time.Millisecond).Result()
		return err == nil && int(confirmed) >= replicas
	})
	return asOf
}

// info is one section of INFO.
func (n *node) info(t *testing.T, section string) map[string]string {
	t.Helper()
	facts := map[string]string{}
	text, err := n.client.Info(t.Context(), section).Result()
	if err != nil {
		return facts
	}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			facts[name] = value
		}
	}
	return facts
}

// follows reports whether the node is a replica of another and in step.
func (n *node) follows(t *testing.T, primary *node) bool {
	t.Helper()
	facts := n.info(t, "replication")
	return facts["role"] == "slave" && facts["master_port"] == primary.port && facts["master_link_status"] == "up" &&
		facts["master_sync_in_progress"] == "0"
}

// errorCount is how many errors of a kind, such as ASK, the node has answered.
func (n *node) errorCount(t *testing.T, kind string) int {
	t.Helper()
	count, _ := strconv.Atoi(strings.TrimPrefix(n.info(t, "errorstats")["errorstat_"+kind], "count="))
	return count
}

func redisServer(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	integration.Need(t, err == nil, "redis-server")
	return path
}

// freePort is below the ports that outgoing connections take, so that a killed
// server finds it free when it comes back.
func freePort(t *testing.T) string {
	t.Helper()
	for range 100 {
		port := strconv.Itoa(15000 + rand.IntN(17000))
		listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:"+port)
		if err != nil {
			continue
		}
		_ = listener.Close()
		return port
	}
	t.Fatal("no free port among 100")
	return ""
}
