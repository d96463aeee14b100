package vaultlog_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/audit/vaultlog"
	"signet/audit/vaultlog/vaultlogtest"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// item is what a test keeps of an item.
type item struct {
	input, reference string
	version          int
	signed           bool
}

// seen is what a test keeps of an entry.
type seen struct {
	vaultlog.Entry
	items []item
}

func scan(tb testing.TB, o vaultlog.Options) ([]seen, vaultlog.Stats) {
	tb.Helper()
	var all []seen
	stats, err := vaultlog.Scan(tb.Context(), o, keep(&all))
	if err != nil {
		tb.Fatal(err)
	}
	return all, stats
}

func keep(all *[]seen) func(*vaultlog.Entry) error {
	return func(e *vaultlog.Entry) error {
		s := seen{Entry: *e}
		s.Items = nil
		s.RequestData, s.ResponseData, s.KeyVersion = bytes.Clone(e.RequestData), bytes.Clone(e.ResponseData), bytes.Clone(e.KeyVersion)
		for _, it := range e.Items {
			s.items = append(s.items, item{string(it.Input), string(it.Reference), it.KeyVersion, it.Signed})
		}
		*all = append(*all, s)
		return nil
	}
}

// file writes a log into a temporary file.
func file(tb testing.TB, name string, content []byte) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

func gz(tb testing.TB, content []byte) []byte {
	tb.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(content); err != nil {
		tb.Fatal(err)
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// batches is a log of n requests with two items each, a second apart, which
// begin at the number from.
func batches(tb testing.TB, cfg vaultlogtest.Config, from, n int) []byte {
	tb.Helper()
	var b bytes.Buffer
	log := vaultlogtest.New(&b, cfg)
	for i := from; i < from+n; i++ {
		err := log.Write(vaultlogtest.Batch{
			Time: noon.Add(time.Duration(i) * time.Second), ID: vaultlogtest.ID(uint64(i)), Key: "signet-es256", Version: 3,
			Items: []vaultlogtest.Item{{Input: fmt.Sprint("in", i), Reference: fmt.Sprint("jti", i)}, {Input: "x", Reference: "y", Error: "bad"}},
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
	return b.Bytes()
}

func ids(all []seen) (out []string) {
	for i := range all {
		out = append(out, strings.TrimLeft(all[i].ID[19:], "0-"))
	}
	return out
}

func TestEntry(t *testing.T) {
	cfg := vaultlogtest.Config{Clear: clearKeys, RemotePort: 4711}
	all, stats := scan(t, vaultlog.Options{Files: []string{file(t, "a.log", batches(t, cfg, 1, 1))}})
	if len(all) != 1 || stats.Lines != 2 || stats.Entries != 1 || stats.Problems != 0 || stats.Decoded != 0 {
		t.Fatalf("%+v %+v", all, stats)
	}
	e := all[0]
	hash := vaultlogtest.New(nil, cfg).Hash
	if !e.Time.Equal(noon.Add(time.Second+time.Millisecond)) || e.ID != vaultlogtest.ID(1) || e.Operation != "update" || e.Path != "transit/sign/signet-es256" ||
		e.MountPoint != "transit/" || e.MountType != "transit" || e.Verb != "sign" || e.Key != "signet-es256" || e.Rest != "" || e.Error != "" || e.Line != 2 || !e.Answered {
		t.Errorf("%+v", e.Entry)
	}
	if e.Auth.Accessor != hash("accessor") || e.Auth.DisplayName != "approle" || e.Auth.EntityID == "" || e.Auth.TokenType != "service" || !slices.Equal(e.Auth.Policies, []string{"signet-issuer"}) {
		t.Errorf("%+v", e.Auth)
	}
	if e.RemoteAddr != "127.0.0.1" || e.RemotePort != 4711 || string(e.KeyVersion) != "3" {
		t.Errorf("%s %d %s", e.RemoteAddr, e.RemotePort, e.KeyVersion)
	}
	if want := []item{{"in1", "jti1", 3, true}, {"x", "y", 0, false}}; !slices.Equal(e.items, want) {
		t.Errorf("%+v", e.items)
	}
	if !bytes.HasPrefix(e.RequestData, []byte(`{"batch_input":[{"input":"in1"`)) || !bytes.HasPrefix(e.ResponseData, []byte(`{"batch_results":[{"signature":"hmac-`)) {
		t.Errorf("%s %s", e.RequestData, e.ResponseData)
	}
	if !stats.First.Equal(noon.Add(time.Second)) || !stats.Last.Equal(e.Time) {
		t.Errorf("from %v to %v", stats.First, stats.Last)
	}
}

// TestRealLog: what a real Vault wrote, in all forms.
func TestRealLog(t *testing.T) {
	all, stats := scan(t, vaultlog.Options{Files: []string{"vaultlogtest/testdata/vault-1.21.2.log"}, Interest: vaultlog.Interest{Mount: "/clear/"}})
	if stats.Problems != 0 || stats.Unanswered != 0 || stats.Decoded != 0 {
		t.Fatalf("%+v", stats)
	}
	const one, hash = "dpLDrTVAu4A8Ags67mbNiIcSMjTqDG5xQ8Ct1z/0Me0=", "hmac-sha256:"
	for i, want := range []struct {
		path, rest, err string
		items           []item
	}{
		{"sign/signet-es256", "", "", []item{{one, "jti-one", 1, true}, {"P8TM/nRYcOLA2Z9x8w/wZWyN7dQcwdfT03aw2+aF4vM=", "jti-two", 1, true}}},
		{"sign/signet-es256", "", "", []item{{all[1].items[0].input, "jti-three", 1, true}, {"!!", "jti-four", 0, false}}},
		{"sign/signet-es256", "", "", []item{{all[2].items[0].input, "jti-five", 0, false}}},
		{"sign/signet-es256/sha2-512", "sha2-512", "", []item{{all[3].items[0].input, "jti-six", 1, true}}},
		{"sign/signet-eddsa", "", "", []item{{"b25l", "<jti-ä&seven>\u2028\"\\\n\t\x01\x7f", 1, true}}},
		{"hmac/signet-hs256", "", "", []item{{"b25l", "jti-eight", 0, true}, {"!", "jti-nine", 0, false}}},
		{"sign/signet-none", "", "1 error occurred:\n\t* invalid request\n\n", []item{{"b25l", "jti-ten", 0, false}}},
		{"sign/signet-es256", "", "1 error occurred:\n\t* invalid request\n\n", nil},
		{"sign/signet-eddsa", "", "", []item{{"b25l", "", 1, true}}},
		{"hmac/signet-hs256", "", "", []item{{"b25l", "", 0, true}}},
	} {
		e := all[i]
		if e.Path != "clear/"+want.path || e.Rest != want.rest || e.Error != want.err || !slices.Equal(e.items, want.items) {
			t.Errorf("%d: %s %q %q %+v", i, e.Path, e.Rest, e.Error, e.items)
		}
	}
	hashed, _ := scan(t, vaultlog.Options{Files: []string{"vaultlogtest/testdata/vault-1.21.2.log"}})
	if len(hashed) != len(all) {
		t.Fatalf("%d entries", len(hashed))
	}
	for i := range hashed {
		for j, it := range hashed[i].items {
			if !vaultlog.Hashed([]byte(it.input)) || !strings.HasPrefix(it.input, hash) || it.version != all[i].items[j].version || it.signed != all[i].items[j].signed {
				t.Errorf("%d: %+v", i, it)
			}
		}
	}
}

func TestInterest(t *testing.T) {
	paths := []string{
		"transit/keys/signet-es256", "transit/keys/signet-es256/rotate", "transit/keys/signet-es256/config", "transit/keys", "transit/keys/other",
		"transit/sign/signet-es256", "transit/sign/signet-es256/sha2-512", "transit/sign/other", "transit/hmac/signet-es256", "transit/verify/other",
		"transit/export/signing-key/signet-es256", "transit/export/signing-key/other", "transit/backup/signet-es256", "transit/backup/other",
		"transit/restore", "transit/restore/other", "transit/datakey/plaintext/signet-es256", "transit/datakey/plaintext/other",
		"transit/random", "transit/cache-config", "transit2/sign/signet-es256", "sys/audit", "sys/audit/file", "sys/audit-hash/file",
		"sys/policies/acl/signet-issuer", "sys/policies/acl/other", "sys/policy/signet-keeper", "auth/approle/role/signet-issuer",
		"sys/policies/acl/Signet-Issuer", "sys/policy/SIGNET-\u212aeeper", "auth/approle/role/SIGNET-issuer/policies",
		"auth/approle/role/signet-issuer/secret-id", "auth/a/b/role/signet-x", "auth/approle/role/other", "auth/approle/login",
		"sys/mounts/transit/tune", "sys/mounts", "sys/remount", "sys/storage/raft/snapshot", "sys/storage/raft/snapshot-force",
		"sys/raw/x", "sys/config/auditing/request-headers/x", "sys/internal/counters/activity", "sys/health",
	}
	var b bytes.Buffer
	log := vaultlogtest.New(&b, vaultlogtest.Config{})
	for _, p := range paths {
		if err := log.Request(vaultlogtest.Request{Time: noon, Path: p}); err != nil {
			t.Fatal(err)
		}
	}
	path := file(t, "a.log", b.Bytes())
	not := func(drop ...string) (out []string) {
		for _, p := range paths {
			if !slices.Contains(drop, p) {
				out = append(out, p)
			}
		}
		return out
	}
	others := []string{"transit2/sign/signet-es256", "sys/audit-hash/file", "sys/policies/acl/other", "auth/approle/role/other", "auth/approle/login", "sys/internal/counters/activity", "sys/health"}
	otherKeys := []string{"transit/keys/other", "transit/sign/other", "transit/verify/other", "transit/export/signing-key/other", "transit/backup/other", "transit/datakey/plaintext/other"}
	var transit []string
	for _, p := range paths {
		if strings.HasPrefix(p, "transit/") {
			transit = append(transit, p)
		}
	}
	for name, c := range map[string]struct {
		in   vaultlog.Interest
		want []string
	}{
		"all keys":     {vaultlog.Interest{}, not(others...)},
		"one key":      {vaultlog.Interest{Keys: []string{"signet-es256"}}, not(append(slices.Clone(others), otherKeys...)...)},
		"transit only": {vaultlog.Interest{TransitOnly: true}, transit},
		"other mount":  {vaultlog.Interest{Mount: "transit2", TransitOnly: true}, []string{"transit2/sign/signet-es256"}},
		"namespace":    {vaultlog.Interest{Namespace: "team"}, slices.DeleteFunc(not(others...), func(p string) bool { return strings.HasPrefix(p, "transit/") })},
	} {
		all, _ := scan(t, vaultlog.Options{Files: []string{path}, Interest: c.in})
		var got []string
		for i := range all {
			got = append(got, all[i].Path)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\ngot  %q\nwant %q", name, got, c.want)
		}
	}
}

func TestParts(t *testing.T) {
	for path, want := range map[string][3]string{
		"transit/sign/k":               {"sign", "k", ""},
		"transit/sign/k/sha2-512":      {"sign", "k", "sha2-512"},
		"transit/keys/k/config":        {"keys", "k", "config"},
		"transit/keys/":                {"keys", "", ""},
		"transit/export/signing-key/k": {"export", "k", "signing-key"},
		"transit/export/hmac-key/k/1":  {"export", "k", "hmac-key/1"},
		"transit/restore/k":            {"restore", "k", ""},
		"transit/restore":              {"restore", "", ""},
		"transit/random/32":            {"random", "", "32"},
		"transit/":                     {"", "", ""},
	} {
		var b bytes.Buffer
		if err := vaultlogtest.New(&b, vaultlogtest.Config{}).Request(vaultlogtest.Request{Time: noon, Path: path}); err != nil {
			t.Fatal(err)
		}
		all, _ := scan(t, vaultlog.Options{Files: []string{file(t, "a.log", b.Bytes())}})
		if got := [3]string{all[0].Verb, all[0].Key, all[0].Rest}; got != want {
			t.Errorf("%s: %q", path, got)
		}
	}
}

// TestNamespaces: the same mount in another namespace is another one; the
// devices are root's.
func TestNamespaces(t *testing.T) {
	for _, c := range []struct {
		logged, path, ours string
		want               bool
	}{
		{"team/a", "transit/sign/k", "team/a", true},
		{"team/a", "transit/sign/k", "/team/a/", true},
		{"team/a", "team/a/transit/sign/k", "team/a", true},
		{"team", "a/transit/sign/k", "team/a", true},
		{"", "team/a/transit/sign/k", "team/a", true},
		{"", "transit/sign/k", "team/a", false},
		{"team/b", "transit/sign/k", "team/a", false},
		{"team/ab", "transit/sign/k", "team/a", false},
		{"team/a/x", "transit/sign/k", "team/a", false},
		{"team/a", "transit/sign/k", "", false},
		{"", "sys/audit/file", "team/a", true},
		{"team", "sys/policies/acl/signet-x", "team/a", true},
		{"team/b", "sys/policies/acl/signet-x", "team/a", false},
	} {
		var b bytes.Buffer
		if err := vaultlogtest.New(&b, vaultlogtest.Config{Namespace: c.logged}).Request(vaultlogtest.Request{Time: noon, Path: c.path}); err != nil {
			t.Fatal(err)
		}
		all, _ := scan(t, vaultlog.Options{Files: []string{file(t, "a.log", b.Bytes())}, Interest: vaultlog.Interest{Namespace: c.ours, Keys: []string{"k"}}})
		if got := len(all) == 1; got != c.want {
			t.Errorf("%+v: %v", c, got)
		} else if got && strings.HasSuffix(c.path, "/k") && all[0].Key != "k" {
			t.Errorf("%+v: key %q", c, all[0].Key)
		}
	}
}

// TestUnanswered: a request and its answer may lie far apart, also in two files.
func TestUnanswered(t *testing.T) {
	lines := bytes.SplitAfter(batches(t, vaultlogtest.Config{Clear: clearKeys}, 1, 2000), []byte("\n"))
	lost := bytes.Clone(lines[2*700]) // of number 701
	far := bytes.Clone(lines[2*9])    // of number 10, moved to the very beginning
	lines[2*700+1], lines[2*9] = nil, nil
	whole := bytes.Join(append([][]byte{far}, lines...), nil)
	if len(whole) < 2*vaultlog.ChunkLen {
		t.Fatalf("only %d bytes: one chunk", len(whole))
	}
	cut := bytes.IndexByte(whole[len(whole)/2:], '\n') + len(whole)/2 + 1
	path, a, b := file(t, "all", whole), file(t, "a", whole[:cut]), file(t, "b", whole[cut:])
	for name, files := range map[string][]string{"one file": {path}, "two files": {a, b}, "in another order": {b, a}} {
		all, stats := scan(t, vaultlog.Options{Files: files})
		if len(all) != 2000 || stats.Unanswered != 1 || stats.Overflow != 0 {
			t.Fatalf("%s: %d entries, %+v", name, len(all), stats)
		}
		last := all[len(all)-1]
		if last.Answered || ids(all[1999:])[0] != ids([]seen{{Entry: vaultlog.Entry{ID: vaultlogtest.ID(701)}}})[0] || !slices.Equal(last.items, []item{{"in701", "jti701", 0, false}, {"x", "y", 0, false}}) {
			t.Errorf("%s: %+v", name, last)
		}
		if !bytes.Contains(lost, []byte(last.ID)) || last.Line == 0 || last.File == "" {
			t.Errorf("%s: %s:%d", name, last.File, last.Line)
		}
		if !slices.IsSortedFunc(all[:1999], func(x, y seen) int { return x.Time.Compare(y.Time) }) {
			t.Errorf("%s: out of order", name)
		}
	}
}

// TestMissingAnswersAreBounded: a log without answers does not fill the memory.
func TestMissingAnswersAreBounded(t *testing.T) {
	var b bytes.Buffer
	log := vaultlogtest.New(&b, vaultlogtest.Config{})
	big := strings.Repeat("a", 1<<20)
	const n = vaultlog.MaxPending>>20 + 8
	for range n {
		err := log.Write(vaultlogtest.Batch{Time: noon, Key: "k", Version: 1, Lost: true, Params: map[string]string{}, Items: []vaultlogtest.Item{{Input: "i", Reference: "r"}, {Input: "j"}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	padded := bytes.ReplaceAll(b.Bytes(), []byte("Go-http-client/1.1"), []byte(big))
	all, stats := scan(t, vaultlog.Options{Files: []string{file(t, "a", padded)}})
	if len(all) != n || stats.Unanswered != n || stats.Overflow < 7 || stats.Overflow > 10 {
		t.Errorf("%d entries, %+v", len(all), stats)
	}
}

func TestProblems(t *testing.T) {
	good := batches(t, vaultlogtest.Config{}, 1, 3)
	lines := bytes.SplitAfter(good, []byte("\n"))
	for name, c := range map[string]struct {
		log     []byte
		entries int
		line    int64
		what    string
	}{
		"no newline at the end": {bytes.TrimSuffix(good, []byte("\n")), 3, 0, ""},
		"torn":                  {good[:len(good)-40], 3, 6, "torn"},
		"torn in the middle":    {bytes.Join([][]byte{lines[0], lines[1][:500], []byte("\n"), lines[2], lines[3]}, nil), 2, 2, "torn"},
		"text":                  {append([]byte("hello\n\n"), good...), 3, 1, "no JSON"},
		"prefix":                {append([]byte("vault: "), good...), 3, 1, "prefix"},
		"another program":       {append([]byte("{\"level\":\"info\"}\n"), good...), 3, 1, "no line of Vault's audit log"},
		"NULs":                  {append(bytes.Repeat([]byte{0}, 3<<20), append([]byte("\n"), good...)...), 3, 1, "no JSON"},
		"empty lines":           {bytes.ReplaceAll(good, []byte("\n"), []byte("\n\n")), 3, 0, ""},
		"CRLF":                  {bytes.ReplaceAll(good, []byte("\n"), []byte("\r\n")), 3, 0, ""},
		"nothing":               {nil, 0, 0, ""},
		"huge":                  {slices.Concat(lines[0], lines[1], []byte(`{"a":"`), bytes.Repeat([]byte("a"), vaultlog.MaxLine+10), []byte("\"}\n"), lines[2], lines[3]), 2, 3, "32 MiB"},
		"huge at the end":       {slices.Concat(lines[0], lines[1], bytes.Repeat([]byte("a"), vaultlog.MaxLine+10)), 1, 3, "32 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			path := file(t, "audit.log", c.log)
			all, stats := scan(t, vaultlog.Options{Files: []string{path}})
			if len(all) != c.entries {
				t.Errorf("%d entries, %+v", len(all), stats)
			}
			if c.what == "" {
				if stats.Problems != 0 {
					t.Errorf("%v", stats.Told)
				}
				return
			}
			if stats.Problems != 1 || len(stats.Told) != 1 {
				t.Fatalf("%d %v", stats.Problems, stats.Told)
			}
			// A last line without an end may still be being written.
			damaged := name == "torn in the middle" || c.what == "32 MiB"
			if (stats.Damaged == 1) != damaged || len(stats.Damages) != int(stats.Damaged) {
				t.Errorf("damaged: %d %v", stats.Damaged, stats.Damages)
			}
			if p := stats.Told[0]; p.File != path || p.Line != c.line || !strings.Contains(p.What, c.what) || !strings.HasPrefix(p.String(), path+":") {
				t.Errorf("%v", p)
			}
		})
	}
	t.Run("many", func(t *testing.T) {
		_, stats := scan(t, vaultlog.Options{Files: []string{file(t, "a", bytes.Repeat([]byte("x\n"), 100_000))}})
		if stats.Problems != 100_000 || len(stats.Told) != 20 || stats.Told[19].Line != 20 {
			t.Errorf("%d, %v", stats.Problems, stats.Told)
		}
	})
}

// TestLongLine: up to 32 MiB are read.
func TestLongLine(t *testing.T) {
	good := batches(t, vaultlogtest.Config{}, 1, 2)
	long := bytes.Replace(good, []byte("Go-http-client/1.1"), bytes.Repeat([]byte("a"), vaultlog.MaxLine-10_000), 2)
	all, stats := scan(t, vaultlog.Options{Files: []string{file(t, "a", long)}})
	if len(all) != 2 || stats.Problems != 0 || all[1].Line != 4 {
		t.Errorf("%d, %+v", len(all), stats)
	}
}

func TestFiles(t *testing.T) {
	one, two, three := batches(t, vaultlogtest.Config{}, 1, 3), batches(t, vaultlogtest.Config{}, 4, 3), batches(t, vaultlogtest.Config{}, 7, 3)
	want := ids([]seen{})
	for i := 1; i < 10; i++ {
		want = append(want, fmt.Sprint(i))
	}
	plain := file(t, "audit.log", three)
	packed := file(t, "audit.log.1", gz(t, two)) // by its bytes, not by its name
	members := file(t, "audit.log.2.gz", slices.Concat(gz(t, one[:100]), gz(t, one[100:])))
	wrong := file(t, "plain.gz", one)
	for name, c := range map[string]struct {
		files []string
		stdin []byte
	}{
		"sorted":      {[]string{members, packed, plain}, nil},
		"any order":   {[]string{plain, members, packed}, nil},
		"wrong name":  {[]string{packed, wrong, plain}, nil},
		"stdin":       {[]string{members, "-", plain}, two},
		"gzip, stdin": {[]string{"-", packed, plain}, gz(t, one)},
	} {
		all, stats := scan(t, vaultlog.Options{Files: c.files, Stdin: bytes.NewReader(c.stdin)})
		if got := ids(all); !slices.Equal(got, want) || stats.Problems != 0 {
			t.Errorf("%s: %q %v", name, got, stats.Told)
		}
	}
}

func TestDamagedGzip(t *testing.T) {
	packed := gz(t, batches(t, vaultlogtest.Config{}, 1, 50))
	corrupt := bytes.Clone(packed)
	corrupt[len(corrupt)/2] ^= 0xff
	for name, content := range map[string][]byte{
		"cut":      packed[:len(packed)-20],
		"corrupt":  corrupt,
		"checksum": slices.Concat(packed[:len(packed)-8], make([]byte, 8)),
		"trailing": slices.Concat(packed, []byte("not gzip")),
	} {
		all, stats := scan(t, vaultlog.Options{Files: []string{file(t, "a", content), file(t, "b", batches(t, vaultlogtest.Config{}, 60, 1))}})
		told := fmt.Sprint(stats.Told)
		if len(all) == 0 || ids(all)[len(all)-1] != "3c" && stats.Unanswered == 0 || !strings.Contains(told, "damaged") {
			t.Errorf("%s: %d entries, %s", name, len(all), told)
		}
	}
}

// TestRefusedFiles: before anything is read.
func TestRefusedFiles(t *testing.T) {
	good := file(t, "a.log", batches(t, vaultlogtest.Config{}, 1, 1))
	dir := t.TempDir()
	for name, c := range map[string]struct {
		files []string
		want  string
	}{
		"none":        {nil, "no file"},
		"missing":     {[]string{good, filepath.Join(dir, "missing")}, "missing"},
		"directory":   {[]string{good, dir}, "is a directory"},
		"twice":       {[]string{good, good}, "give each file once"},
		"twice stdin": {[]string{"-", "-"}, "give each file once"},
		"gzip header": {[]string{good, file(t, "b", []byte("\x1f\x8bxxxxxxxxxxxxxx"))}, "gzip"},
	} {
		_, err := vaultlog.Scan(t.Context(), vaultlog.Options{Files: c.files}, func(*vaultlog.Entry) error {
			t.Errorf("%s: something was read", name)
			return nil
		})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := vaultlog.Scan(t.Context(), vaultlog.Options{Files: []string{filepath.Join(dir, "missing")}}, nil)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// TestHashedHMACs: whether one failed, the hash of the empty text tells.
func TestHashedHMACs(t *testing.T) {
	ok, bad := vaultlogtest.Item{Input: "i"}, vaultlogtest.Item{Input: "j", Error: "no"}
	sign := vaultlogtest.Batch{Key: "k", Version: 1, Items: []vaultlogtest.Item{ok}}
	mac := func(items ...vaultlogtest.Item) vaultlogtest.Batch {
		return vaultlogtest.Batch{Verb: "hmac", Key: "k", Version: 1, Items: items}
	}
	for name, c := range map[string]struct {
		batches []vaultlogtest.Batch
		want    []bool
	}{
		"unknown":             {[]vaultlogtest.Batch{mac(bad)}, []bool{true}},
		"by a signature":      {[]vaultlogtest.Batch{sign, mac(bad), mac(ok)}, []bool{true, false, true}},
		"by its neighbours":   {[]vaultlogtest.Batch{mac(ok, bad)}, []bool{true, false}},
		"the other way round": {[]vaultlogtest.Batch{mac(bad, bad, ok), mac(bad)}, []bool{false, false, true, false}},
	} {
		var b bytes.Buffer
		log := vaultlogtest.New(&b, vaultlogtest.Config{})
		for _, one := range c.batches {
			one.Time = noon
			if err := log.Write(one); err != nil {
				t.Fatal(err)
			}
		}
		all, _ := scan(t, vaultlog.Options{Files: []string{file(t, "a", b.Bytes())}})
		var got []bool
		for i := range all {
			for _, it := range all[i].items {
				got = append(got, it.signed)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestUnevenResults: nothing is hidden where inputs and results differ in number.
func TestUnevenResults(t *testing.T) {
	line := func(request, response string) []byte {
		return fmt.Appendf(nil, `{"request":{"data":%s,"id":"i","operation":"update","path":"transit/sign/k"},"response":{"data":%s},"time":"2026-03-01T12:00:00Z","type":"response"}`+"\n", request, response)
	}
	log := slices.Concat(
		line(`{"batch_input":[{"input":"a"}]}`, `{"batch_results":[{"key_version":1},{"key_version":2}]}`),
		line(`{"batch_input":[{"input":"a"},{"Input":"b"}]}`, `{"batch_results":[{"key_version":1}]}`),
		line(`{"Batch_Input":[{"input":"a"}]}`, `{"key_version":1,"signature":"s"}`),
		line(`{"input":["a"]}`, `{"error":"hmac-sha256:x"}`),
	)
	all, _ := scan(t, vaultlog.Options{Files: []string{file(t, "a", log)}})
	for i, want := range [][]item{
		{{"a", "", 1, true}, {"", "", 2, true}},
		{{"a", "", 1, true}, {"", "", 0, true}},
		{{"", "", 1, true}},
		{{`["a"]`, "", 0, false}},
	} {
		if !slices.Equal(all[i].items, want) {
			t.Errorf("%d: %+v", i, all[i].items)
		}
	}
	if all[3].Error != "hmac-sha256:x" {
		t.Errorf("error %q", all[3].Error)
	}
}

// TestWrapped: an answer that was wrapped (X-Vault-Wrap-TTL) holds no result,
// and yet there is a signature. The lines are as Vault 1.21.2 writes them.
func TestWrapped(t *testing.T) {
	line := func(path, request, rest string) []byte {
		return fmt.Appendf(nil, `{"request":{"data":%s,"id":"i","operation":"update","path":"transit/%s","wrap_ttl":60},%s"time":"2026-03-01T12:00:00Z","type":"response"}`+"\n", request, path, rest)
	}
	const (
		wrapped = `"response":{"mount_point":"transit/","mount_type":"transit","wrap_info":{"creation_path":"transit/sign/k","ttl":60}},`
		refused = `"error":"1 error occurred: permission denied","response":{"data":{"error":"hmac-sha256:x"}},`
	)
	log := slices.Concat(
		line("sign/k", `{"batch_input":[{"input":"a","reference":"r"},{"input":"b"}]}`, wrapped),
		line("sign/k", `{"input":"a"}`, wrapped),
		line("hmac/k", `{"batch_input":[{"input":"a"}]}`, wrapped),
		line("hmac/k", `{"input":"a"}`, wrapped),
		line("sign/k", `{"batch_input":[{"input":"a"}]}`, refused),
		line("sign/k", `{"input":"a"}`, refused),
	)
	all, _ := scan(t, vaultlog.Options{Files: []string{file(t, "a", log)}})
	for i, want := range [][]item{
		{{"a", "r", 0, true}, {"b", "", 0, true}},
		{{"a", "", 0, true}},
		{{"a", "", 0, true}},
		{{"a", "", 0, true}},
		{{"a", "", 0, false}},
		{{"a", "", 0, false}},
	} {
		if !slices.Equal(all[i].items, want) {
			t.Errorf("%d: %+v", i, all[i].items)
		}
	}
}

// TestWorkersDoNotChangeTheOutcome, nor the order.
func TestWorkersDoNotChangeTheOutcome(t *testing.T) {
	path := file(t, "a", batches(t, vaultlogtest.Config{}, 1, 1000))
	want, wantStats := scan(t, vaultlog.Options{Files: []string{path}, Workers: 1})
	if !slices.Equal(ids(want)[:3], []string{"1", "2", "3"}) {
		t.Fatal(ids(want)[:3])
	}
	for _, n := range []int{2, 7} {
		got, stats := scan(t, vaultlog.Options{Files: []string{path}, Workers: n})
		if fmt.Sprint(stats) != fmt.Sprint(wantStats) || len(got) != 1000 || !slices.EqualFunc(got, want, func(a, b seen) bool {
			return a.ID == b.ID && a.Line == b.Line && a.Time.Equal(b.Time) && a.Auth.Accessor == b.Auth.Accessor && slices.Equal(a.items, b.items) &&
				bytes.Equal(a.RequestData, b.RequestData) && bytes.Equal(a.ResponseData, b.ResponseData)
		}) {
			t.Errorf("%d workers: %+v", n, stats)
		}
	}
}

// TestGivenTwice: a copy of a log, under another name or packed, would make each
// of its requests count twice.
func TestGivenTwice(t *testing.T) {
	log := batches(t, vaultlogtest.Config{}, 1, 5)
	for name, second := range map[string][]byte{"a copy": log, "packed": gz(t, log), "the beginning": log[:len(log)/2]} {
		_, err := vaultlog.Scan(t.Context(), vaultlog.Options{Files: []string{file(t, "a", log), file(t, "b", second)}}, func(*vaultlog.Entry) error { return nil })
		if err == nil || !strings.Contains(err.Error(), "give each log once") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestProgress(t *testing.T) {
	log := batches(t, vaultlogtest.Config{}, 1, 500)
	packed := gz(t, batches(t, vaultlogtest.Config{}, 2, 500))
	for name, c := range map[string]struct {
		files []string
		done  int64
		total int64
	}{
		"plain and packed": {[]string{file(t, "a", log), file(t, "b", packed)}, int64(len(log) + len(packed)), int64(len(log) + len(packed))},
		"stdin":            {[]string{"-"}, int64(len(log)), -1},
	} {
		var dones, totals []int64
		_, err := vaultlog.Scan(t.Context(), vaultlog.Options{
			Files: c.files, Stdin: bytes.NewReader(log),
			Progress: func(done, total int64) { dones, totals = append(dones, done), append(totals, total) },
		}, func(*vaultlog.Entry) error { return nil })
		if err != nil || len(dones) < 2 || !slices.IsSorted(dones) || dones[len(dones)-1] != c.done || totals[0] != c.total {
			t.Errorf("%s: %v %v %v", name, dones, totals, err)
		}
	}
}

func TestStops(t *testing.T) {
	path := file(t, "a", batches(t, vaultlogtest.Config{}, 1, 1500))
	t.Run("by the caller", func(t *testing.T) {
		enough := errors.New("enough")
		n := 0
		_, err := vaultlog.Scan(t.Context(), vaultlog.Options{Files: []string{path}}, func(*vaultlog.Entry) error {
			if n++; n == 10 {
				return enough
			}
			return nil
		})
		if !errors.Is(err, enough) || n != 10 {
			t.Errorf("%d, %v", n, err)
		}
	})
	t.Run("by the context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		_, err := vaultlog.Scan(ctx, vaultlog.Options{Files: []string{path}}, func(*vaultlog.Entry) error {
			n++
			cancel()
			return nil
		})
		if !errors.Is(err, context.Canceled) || n == 1500 {
			t.Errorf("%d, %v", n, err)
		}
	})
	t.Run("by the disk", func(t *testing.T) {
		broken := errors.New("broken")
		_, err := vaultlog.Scan(t.Context(), vaultlog.Options{Files: []string{"-"}, Stdin: &failing{[]byte("{}\n"), broken}}, nil)
		if !errors.Is(err, broken) {
			t.Error(err)
		}
	})
}

// failing reads what it has, and then fails.
type failing struct {
	content []byte
	err     error
}

func (f *failing) Read(p []byte) (int, error) {
	if len(f.content) == 0 {
		return 0, f.err
	}
	n := copy(p, f.content)
	f.content = f.content[n:]
	return n, nil
}

func TestHashed(t *testing.T) {
	hash := vaultlogtest.New(nil, vaultlogtest.Config{}).Hash("x")
	for v, want := range map[string]bool{
		hash: true, hash[:75]: false, hash + "0": false, "": false, strings.ToUpper(hash): false,
		"hmac-sha256:" + strings.Repeat("g", 64): false, "hmac-sha512:" + strings.Repeat("0", 64): false,
	} {
		if vaultlog.Hashed([]byte(v)) != want {
			t.Errorf("%q", v)
		}
	}
	for i := len("hmac-sha256:"); i < len(hash); i++ {
		v := []byte(hash)
		for c := range 256 {
			v[i] = byte(c)
			if want := strings.IndexByte("0123456789abcdef", byte(c)) >= 0; vaultlog.Hashed(v) != want {
				t.Errorf("%q", v)
			}
		}
	}
}
