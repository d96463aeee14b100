package auditing_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"signet/integration"
)

// TestPlantedMisuse: replicas sign under load, while Vault goes away now and
// then; `signet audit reconcile` finds nothing. Then a thief uses the issuer's
// token, somebody with more rights goes round Signet, and somebody with the
// records' disk edits them. All of it is found, and nothing else.
func TestPlantedMisuse(t *testing.T) {
	if !integration.OnlyOn(t, integration.Process, integration.Docker) {
		return // the audit log of somebody else's Vault cannot be read
	}
	for way, flags := range ways {
		t.Run(way, func(t *testing.T) {
			stack := integration.New(t, &integration.Options{
				Replicas: 2, Audit: true, InitFlags: flags, Times: &times, LogLevel: "error",
			})
			l := &load{stack: stack, ring: ring}
			a := newAuditor(t, stack)
			m := &misuse{stack: stack, planted: map[string]string{}}
			stop := make(chan struct{})
			done := make(chan struct{})
			go func() {
				defer close(done)
				l.run(t, 32, func(int) bool {
					select {
					case <-stop:
						return true
					default:
						return false
					}
				})
			}()
			until := func(n int) {
				integration.Eventually(t, time.Minute, fmt.Sprint(n, " tokens"), func() bool { return l.count() >= n })
			}
			until(300)
			for i := range 4 {
				stack.VaultLink.Cut()
				failed := l.failures()
				integration.Eventually(t, time.Minute, "requests fail", func() bool { return l.failures() > failed })
				stack.VaultLink.Restore()
				until(l.count() + 100)
				if i == 1 {
					a.wantNothing(t, "under load")
				}
			}
			m.thief(t, l)
			until(l.count() + 100)
			close(stop)
			<-done
			for i := range stack.Replicas() {
				stack.Signet(i).Stop(t)
			}
			m.operator(t)
			records := a.copyRecords(t)
			m.forger(t, records)
			got, code := a.reconcile(t, a.copyLog(t), records)
			t.Logf("%v", got.Summary)
			if code != 3 {
				t.Errorf("exit code %d, want 3", code)
			}
			m.judge(t, got.Findings)
		})
	}
}

func (l *load) failures() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed
}

// misuse remembers what was done, by Vault's request id.
type misuse struct {
	stack   *integration.Stack
	planted map[string]string // request id to what it was
	inputs  map[string]bool   // of records that the forger took away
	broken  int               // places at which a chain is broken
}

// do is a request to Vault that is misuse.
func (m *misuse) do(t *testing.T, token, what, path string, body map[string]any) map[string]any {
	t.Helper()
	status, reply := m.stack.Vault.Do(t, token, http.MethodPost, path, body)
	id, _ := reply["request_id"].(string)
	if status == http.StatusNoContent {
		id = path // no body, and so no id: known by its path
	}
	if status/100 != 2 || id == "" {
		t.Fatalf("%s: status %d, %v", what, status, reply)
	}
	m.planted[id] = what
	data, _ := reply["data"].(map[string]any)
	return data
}

// signing is a request as Signet makes it.
func signing(items ...map[string]string) map[string]any {
	return map[string]any{
		"key_version": "1", "hash_algorithm": "sha2-256", "marshaling_algorithm": "jws", "prehashed": "true", "batch_input": items,
	}
}

func digest(text string) string {
	return base64.StdEncoding.EncodeToString([]byte((text + strings.Repeat(".", 32))[:32]))
}

// thief has the issuer's credentials, and signs five things.
func (m *misuse) thief(t *testing.T, l *load) {
	t.Helper()
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(m.stack.CredentialsDir, name))
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(text))
	}
	token := m.stack.Vault.Login(t, read("role_id"), read("secret_id"))
	path := "transit/sign/" + ring
	m.do(t, token, "a signature", path, signing(map[string]string{"input": digest("one"), "reference": "made-up"}))
	honest := claims(t, l.all()[0].token).JTI
	m.do(t, token, "under an honest jti", path, signing(map[string]string{"input": digest("two"), "reference": honest}))
	m.do(t, token, "without a reference", path, signing(map[string]string{"input": digest("three")}))
	single := signing()
	delete(single, "batch_input")
	single["input"] = digest("four")
	m.do(t, token, "no batch", path, single)
	batch := m.honestBatch(t)
	m.do(t, token, "an extra item", path, signing(append(batch, map[string]string{"input": digest("five"), "reference": "made-up-too"})...))
}

// honestBatch is what a replica asked for in one request of several items.
func (m *misuse) honestBatch(t *testing.T) []map[string]string {
	t.Helper()
	batches := map[string][]map[string]string{}
	for i, path := range m.stack.AllRecords() {
		for _, r := range linesOf(t, path) {
			if r.Event != "token" || r.Ring != ring || r.KeyVersion != 1 {
				continue
			}
			key := fmt.Sprint(i, "-", r.Batch)
			if batches[key] = append(batches[key], map[string]string{"input": r.Input, "reference": r.JTI}); len(batches[key]) == 3 {
				return batches[key]
			}
		}
	}
	t.Fatal("no batch of three")
	return nil
}

// operator has rights on keys, and uses them.
func (m *misuse) operator(t *testing.T) {
	t.Helper()
	root := m.stack.Vault.RootToken
	m.do(t, root, "another path form", "transit/sign/"+ring+"/sha2-256", map[string]any{"input": digest("six"), "prehashed": true})
	m.do(t, root, "a key made exportable", "transit/keys/"+ring+"/config", map[string]any{"exportable": true})
	// A backup of a key that is none of Signet's, put in the place of one that is.
	m.stack.Vault.Must(t, http.MethodPost, "transit/keys/elsewhere", map[string]any{"type": "ecdsa-p256", "exportable": true, "allow_plaintext_backup": true})
	backup := m.stack.Vault.Must(t, http.MethodGet, "transit/backup/elsewhere", nil)["backup"]
	m.do(t, root, "a restore", "transit/restore/"+ring, map[string]any{"backup": backup, "force": true})
}

type line struct {
	Event, JTI, Ring, Input, Prev string

	Seq, Batch uint64
	KeyVersion int `json:"key_version"`
	text       string
}

func linesOf(t *testing.T, path string) []line {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []line
	for l := range bytes.Lines(text) {
		var r line
		if err := json.Unmarshal(l, &r); err != nil {
			continue
		}
		r.text = string(l)
		all = append(all, r)
	}
	return all
}

// forger deletes three records of the first replica and edits one, and cuts the
// end of the second one's file off.
func (m *misuse) forger(t *testing.T, records []string) {
	t.Helper()
	m.inputs = map[string]bool{}
	var tokens []int
	all := linesOf(t, records[0])
	for i, r := range all {
		if r.Event == "token" {
			tokens = append(tokens, i)
		}
	}
	gone := []int{tokens[20], tokens[60], tokens[120]}
	edited := tokens[90]
	var out strings.Builder
	for i, r := range all {
		switch {
		case slices.Contains(gone, i):
			m.inputs[r.Input] = true
		case i == edited:
			out.WriteString(strings.Replace(r.text, `"client_id":"demo"`, `"client_id":"evil"`, 1))
		default:
			out.WriteString(r.text)
		}
	}
	m.broken = len(gone) + 1
	write(t, records[0], out.String())

	rest := linesOf(t, records[1])
	out.Reset()
	kept := len(rest) - 20
	for i, r := range rest {
		if i < kept {
			out.WriteString(r.text)
		} else if r.Event == "token" || r.Event == "canary" {
			m.inputs[r.Input] = true
		}
	}
	if !slices.ContainsFunc(rest[kept:], func(r line) bool { return r.Event == "token" }) {
		t.Fatal("nothing of interest was cut off")
	}
	write(t, records[1], out.String())
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// wanted is what each planted request is to be called.
var wanted = map[string][]string{
	"a signature": {"undeclared_signature"}, "under an honest jti": {"undeclared_signature"}, "without a reference": {"undeclared_signature"},
	"no batch": {"undeclared_signature"}, "an extra item": {"extra_item", "signed_more_often", "signed_more_often", "signed_more_often"},
	"another path form": {"other_path"}, "a key made exportable": {"key_config"}, "a restore": {"restore"},
}

// judge holds the findings against what was done.
func (m *misuse) judge(t *testing.T, findings []finding) {
	t.Helper()
	gone := m.requestsOf(t)
	broken := 0
	found := map[string][]string{}
	for _, f := range findings {
		what := m.planted[f.RequestID]
		if what == "" {
			what = m.planted[f.Path]
		}
		switch {
		case what != "":
			found[what] = append(found[what], f.Kind)
			if f.Who.DisplayName == "" {
				t.Errorf("%s: nobody did it: %+v", what, f)
			}
		case f.Kind == "broken_chain":
			broken++
		case (f.Kind == "undeclared_signature" || f.Kind == "extra_item") && gone[f.RequestID] > 0:
			gone[f.RequestID]--
		default:
			t.Errorf("found what nobody did: %+v", f)
		}
	}
	for what, want := range wanted {
		slices.Sort(found[what])
		if !slices.Equal(found[what], want) {
			t.Errorf("%s: found as %v, want %v", what, found[what], want)
		}
	}
	if broken != m.broken {
		t.Errorf("%d breaks of a chain, want %d", broken, m.broken)
	}
	for id, n := range gone {
		if n != 0 {
			t.Errorf("request %s: %d signatures without a record were not found", id, n)
		}
	}
}

// requestsOf are the requests that signed what the forger took away, with how
// many of it each signed: by the records as they were.
func (m *misuse) requestsOf(t *testing.T) map[string]int {
	t.Helper()
	out := map[string]int{}
	for _, path := range m.stack.AllRecords() {
		taken := map[uint64]int{}
		for _, l := range linesOf(t, path) {
			if l.Event == "token" || l.Event == "canary" {
				if m.inputs[l.Input] {
					taken[l.Batch]++
				}
				continue
			}
			var b struct {
				RequestID string `json:"request_id"`
			}
			if err := json.Unmarshal([]byte(l.text), &b); err != nil {
				t.Fatal(err)
			}
			if n := taken[l.Batch]; l.Event == "batch" && n > 0 && b.RequestID != "" {
				out[b.RequestID] += n
			}
		}
	}
	if len(out) == 0 {
		t.Fatal("nothing was taken away: " + strconv.Itoa(len(m.inputs)))
	}
	return out
}
