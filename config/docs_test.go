package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"signet/config"
	"signet/internal/strictyaml"
)

const manual = "../docs/configuration.md"

func readManual(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var fenced = regexp.MustCompile("(?s)\n```yaml\n(.*?)\n```")

// examples are the manual's YAML blocks whose first line names the file. A
// block that names no file is an error: nothing would check it.
func examples(t *testing.T, file string) []string {
	t.Helper()
	var found []string
	for _, m := range fenced.FindAllStringSubmatch(readManual(t), -1) {
		switch first, _, _ := strings.Cut(m[1], "\n"); first {
		case "# " + file:
			found = append(found, m[1])
		case "# signet.yaml", "# clients.yaml":
		default:
			t.Errorf("%s: a YAML block begins with %q and not with the name of its file", manual, first)
		}
	}
	if len(found) == 0 {
		t.Fatalf("%s: no example of %s", manual, file)
	}
	return found
}

func TestManualsExamplesLoad(t *testing.T) {
	for i, text := range examples(t, "signet.yaml") {
		t.Run(fmt.Sprint(i+1), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "signet.yaml")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := config.Load(path); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestRedisManualsExamplesLoad: each is the part of a file that is about Redis.
func TestRedisManualsExamplesLoad(t *testing.T) {
	text, err := os.ReadFile("../docs/redis.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := fenced.FindAllStringSubmatch(string(text), -1)
	if len(blocks) != 3 {
		t.Fatalf("%d examples, want a server, Sentinel and Cluster", len(blocks))
	}
	const rest = `issuer: https://tokens.example.com
vault:
  address: https://vault.example.com:8200
  auth: {method: token_file, token_file: token}
rings: [{name: signet-es256}]
`
	for _, block := range blocks {
		path := filepath.Join(t.TempDir(), "signet.yaml")
		if err := os.WriteFile(path, []byte(rest+block[1]), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := config.Load(path); err != nil {
			t.Error(err)
		}
	}
}

// TestManualHasEveryKey: testdata/good/full.yaml has every key that there is;
// the manual's full example and its tables must have them too.
func TestManualHasEveryKey(t *testing.T) {
	text, err := os.ReadFile("testdata/good/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	all, shown := examples(t, "signet.yaml"), map[string]bool{}
	for _, key := range keysOf(t, all[len(all)-1]) {
		shown[key] = true
	}
	rows := readManual(t)
	for _, key := range keysOf(t, string(text)) {
		if !shown[key] {
			t.Errorf("the full example lacks %s", key)
		}
		if !strings.Contains(rows, "`"+key+"`") {
			t.Errorf("no table has `%s`", key)
		}
	}
}

// keysOf are the paths of a file's settings: sections and secrets count as a
// whole, the items of a list as one.
func keysOf(t *testing.T, text string) []string {
	t.Helper()
	var root map[string]any
	if err := yaml.Unmarshal([]byte(text), &root); err != nil {
		t.Fatal(err)
	}
	var keys []string
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch node := v.(type) {
		case map[string]any:
			if _, ok := node["file"]; ok && path != "clients" && path != "audit" {
				break
			}
			if _, ok := node["env"]; ok {
				break
			}
			for key, below := range node {
				walk(strings.TrimPrefix(path+"."+key, "."), below)
			}
			return
		case []any:
			if len(node) > 0 {
				if _, ok := node[0].(map[string]any); ok {
					for _, item := range node {
						walk(path+"[]", item)
					}
					return
				}
			}
		}
		keys = append(keys, path)
	}
	walk("", root)
	return keys
}

// TestManualsDefaults: the second column of a key's row is the default that the
// code has.
func TestManualsDefaults(t *testing.T) {
	text := readManual(t)
	for key, want := range map[string]any{
		"listen.address": config.DefaultListenAddress, "listen.drain": config.DefaultDrain, "ops.address": config.DefaultOpsAddress,
		"vault.transit_mount": config.DefaultTransitMount, "vault.auth.mount": config.AuthAppRole,
		"rings[].publish_delay": config.DefaultPublishDelay, "rings[].max_ttl": config.DefaultMaxTTL,
		"rings[].rotation_period": config.DefaultRotationPeriod, "rings[].retire_margin": config.DefaultRetireMargin,
		"keys.refresh_interval": config.DefaultRefreshInterval, "keys.jwks_max_age": config.DefaultJWKSMaxAge,
		"keys.stale_if_error": config.DefaultStaleIfError, "keys.clock_skew": config.DefaultClockSkew,
		"signing.in_flight": config.DefaultInFlight, "signing.batch_max": config.DefaultBatchMax,
		"signing.queue_max": config.DefaultQueueMax, "signing.verify": config.VerifyOne,
		"redis.addresses": config.DefaultRedisAddress, "tokens.ttl": config.DefaultTTL,
		"refresh.mac_key": config.DefaultMACKey, "refresh.grace": config.DefaultGrace,
		"refresh.idle": config.DefaultIdle, "refresh.absolute": config.DefaultAbsolute, "clients.file": config.DefaultClientsFile,
	} {
		if d, ok := want.(time.Duration); ok {
			want = strictyaml.Compact(d)
		}
		if row := fmt.Sprintf("\n| `%s` | `%v` |", key, want); !strings.Contains(text, row) {
			t.Errorf("no row begins with %s", row)
		}
	}
}

// TestManualsViolations: what the manual says that --check prints for its bad
// file is what Load reports.
func TestManualsViolations(t *testing.T) {
	blocks := regexp.MustCompile("(?s)\n```text\n(.*?)\n```").FindAllStringSubmatch(readManual(t), -1)
	if len(blocks) != 2 {
		t.Fatalf("%d text blocks, want the bad file and its violations", len(blocks))
	}
	path := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(path, []byte(blocks[0][1]+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := config.Load(path)
	if err == nil {
		t.Fatal("the bad file loads")
	}
	got := "violations found:\n" + strings.ReplaceAll(err.Error(), filepath.Dir(path)+string(filepath.Separator), "")
	if got != blocks[1][1] {
		t.Errorf("got\n%s\nthe manual says\n%s", got, blocks[1][1])
	}
}
