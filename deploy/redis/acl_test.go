package deployredis_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"signet/internal/redistest"
	"signet/internal/sharedstate"
)

// onlyCluster is what only the nodes of a cluster are asked.
var onlyCluster = []string{"+cluster|slots", "+cluster|info", "+command", "+asking"}

// TestUserOfAServer: the user of users.acl can do everything that Signet does,
// with a replica that has every revocation, and is refused something as soon as
// one command or key is taken away. What only a cluster needs is the next test's.
func TestUserOfAServer(t *testing.T) {
	t.Parallel()
	acl := aclFile(t)
	args := []string{
		"--aclfile", acl, "--masteruser", "replica", "--masterauth", password, "--appendonly", "yes", "--repl-diskless-sync-delay", "0",
	}
	primary, ok := redistest.Start(t, args...)
	if !ok {
		return // a strict run has failed
	}
	redistest.Start(t, append(args, "--replicaof", strings.Replace(primary, ":", " ", 1))...)
	admin := redistest.Open(t, sharedstate.Config{Addresses: []string{primary}, Username: "admin", Password: password})
	inStep(t, admin)
	try := func() ([]string, error) {
		client := redistest.Open(t, sharedstate.Config{Addresses: []string{primary}, Username: "signet", Password: password})
		forgive(t, admin)
		err := work(t.Context(), t, client, 1)
		return refusals(t, admin, "signet"), err
	}
	untilItWorks(t, try)
	if got := refusals(t, admin, "replica"); len(got) > 0 {
		t.Errorf("the replica was refused %v", got)
	}
	all := rules(t, file(t, "users.acl"), "signet")
	for _, rule := range grants(all) {
		give(t, admin, "signet", without(all, rule))
		if refused, _ := try(); (len(refused) == 0) != slices.Contains(onlyCluster, rule) {
			t.Errorf("without %s: %v was refused", rule, refused)
		}
	}
}

// TestManual: the manual shows the very user that was tried here.
func TestManual(t *testing.T) {
	t.Parallel()
	manual, err := os.ReadFile("../../docs/redis.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []struct{ file, user string }{
		{"users.acl", "signet"}, {"users.acl", "replica"}, {"users.acl", "sentinel"}, {"sentinel.conf", "signet-sentinel"},
	} {
		for _, rule := range grants(rules(t, file(t, shown.file), shown.user)) {
			section := regexp.MustCompile("(?s)\\n\\| `" + shown.user + "` \\|.*?\\n").FindString(string(manual))
			if !strings.Contains(section, "`"+rule+"`") {
				t.Errorf("the row of %s does not have `%s`", shown.user, rule)
			}
		}
	}
}

// untilItWorks wants everything done, and nothing refused. A busy machine may be
// slower than the client waits for it.
func untilItWorks(t *testing.T, try func() (refused []string, err error)) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		refused, err := try()
		if len(refused) > 0 {
			t.Fatalf("refused: %v (%v)", refused, err)
		}
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

func inStep(t *testing.T, primary redis.UniversalClient) {
	t.Helper()
	eventually(t, "the replica is in step", func() bool {
		return strings.Contains(primary.Info(t.Context(), "replication").Val(), "state=online")
	})
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
		<-tick.C
	}
}
