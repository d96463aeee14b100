// Package deployredis_test holds the files of this directory to what they say:
// real servers run by them, and Signet's users may do what Signet does and no
// more.
package deployredis_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"signet/internal/sharedstate"
)

// password of every user in these tests.
const password = "a password of tests"

func hash() string {
	sum := sha256.Sum256([]byte(password))
	return hex.EncodeToString(sum[:])
}

var placeholder = regexp.MustCompile(`#HASH_OF_\w+`)

// file reads one of the files with the passwords filled in.
func file(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	filled := placeholder.ReplaceAllString(string(text), "#"+hash())
	return regexp.MustCompile(`\b[A-Z]+_PASSWORD\b`).ReplaceAllString(filled, `"`+password+`"`)
}

// aclFile is users.acl, filled in, where a server can read it.
func aclFile(t *testing.T) string {
	t.Helper()
	return put(t, "users.acl", file(t, "users.acl"))
}

func put(t *testing.T, name, text string) (path string) {
	t.Helper()
	path = t.TempDir() + "/" + name
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// rules are those of a user in a file.
func rules(t *testing.T, text, user string) []string {
	t.Helper()
	for line := range strings.Lines(text) {
		if words := strings.Fields(line); len(words) > 2 && words[0] == "user" && words[1] == user {
			return words[2:]
		}
	}
	t.Fatalf("there is no user %s", user)
	return nil
}

// without are rules without one of them.
func without(all []string, rule string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(r string) bool { return r == rule })
}

// grants are the rules that allow something.
func grants(all []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(r string) bool { return !strings.ContainsAny(r[:1], "+~&") })
}

// give changes what a user may do, at once.
func give(t *testing.T, admin redis.UniversalClient, user string, rules []string) {
	t.Helper()
	args := []any{"ACL", "SETUSER", user}
	for _, rule := range rules {
		args = append(args, rule)
	}
	if err := admin.Do(t.Context(), args...).Err(); err != nil {
		t.Fatal(err)
	}
}

// refusals are what a server refused a user since forgive.
func refusals(t *testing.T, admin redis.UniversalClient, user string) []string {
	t.Helper()
	entries, err := admin.Do(t.Context(), "ACL", "LOG").Slice()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, entry := range entries {
		facts := factsOf(t, entry)
		// Asked for at start, and refused on purpose: it tells masterauth.
		if facts["username"] == user && facts["object"] != "config|get" {
			all = append(all, fmt.Sprintf("%v %v", facts["reason"], facts["object"]))
		}
	}
	return all
}

// factsOf is an entry of ACL LOG: a map in RESP3, and in RESP2 a list of names, each
// before its value.
func factsOf(t *testing.T, entry any) map[any]any {
	t.Helper()
	facts, ok := entry.(map[any]any)
	if ok {
		return facts
	}
	list, ok := entry.([]any)
	if !ok || len(list)%2 != 0 {
		t.Fatalf("ACL LOG answers %v", entry)
	}
	facts = map[any]any{}
	for pair := range slices.Chunk(list, 2) {
		facts[pair[0]] = pair[1]
	}
	return facts
}

func forgive(t *testing.T, admin redis.UniversalClient) {
	t.Helper()
	for _, args := range [][]any{{"ACL", "LOG", "RESET"}, {"SCRIPT", "FLUSH"}} {
		if err := admin.Do(t.Context(), args...).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestMain keeps what the client library says of refusals out of the output.
func TestMain(m *testing.M) {
	sharedstate.LogTo(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}
