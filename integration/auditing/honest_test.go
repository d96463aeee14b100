package auditing_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"signet/audit/vaultlog"
	"signet/integration"
)

const ring = "signet-es256"

// times let a rotation's version sign at once after it is published.
var times = integration.KeyTimes{
	PublishDelay: 5 * time.Second, MaxTTL: 5 * time.Minute, RotationPeriod: 24 * time.Hour, RetireMargin: 6 * time.Second, TTL: time.Minute,
	RefreshInterval: 200 * time.Millisecond, JWKSMaxAge: time.Second, StaleIfError: time.Second, ClockSkew: time.Second,
}

// ways are the two ways in which a log can be.
var ways = map[string][]string{"hashed": nil, "clear": {"--dedicated-mount"}}

// tokens is how many a run wants: the soak's figure, or enough to see it work.
func tokens() int {
	if os.Getenv("SIGNET_SOAK") != "" {
		return 10_000
	}
	return 900
}

// TestEveryTokenIsTraced: tokens over refreshes, batches and two rotations. Each
// stands in Vault's log exactly once, under the version that its header names;
// the log has no signature besides; the records and the log agree; and
// `signet audit trace` says of any of them what is known.
func TestEveryTokenIsTraced(t *testing.T) {
	if !integration.OnlyOn(t, integration.Process, integration.Docker) {
		return // the audit log of somebody else's Vault cannot be read
	}
	for way, flags := range ways {
		t.Run(way, func(t *testing.T) {
			stack := integration.New(t, &integration.Options{Replicas: 2, Audit: true, InitFlags: flags, Times: &times, LogLevel: "warn"})
			l := &load{stack: stack, ring: ring}
			want := tokens()
			for i := range 3 {
				if i > 0 {
					stack.Vault.Rotate(t, ring)
				}
				version := i + 1
				l.run(t, 32, func(n int) bool {
					// Not only so many: the new version must have begun to sign.
					return n >= want*(i+1)/3 && l.versionSigns(t, version) || t.Failed()
				})
			}
			a := newAuditor(t, stack)
			a.wantNothing(t, "after the load")
			all := l.all()
			t.Logf("%d tokens, %d requests failed", len(all), l.failed)
			traced(t, stack, all)
			sample(t, a, all)
		})
	}
}

// versionSigns says whether the last token is of that version.
func (l *load) versionSigns(t *testing.T, version int) bool {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.tokens) == 0 {
		return false
	}
	kid := header(t, l.tokens[len(l.tokens)-1].token)
	if l.versions[kid] == 0 {
		l.versions = versions(t, l.stack)
	}
	return l.versions[kid] >= version
}

// header is what a token says of its key.
func header(t *testing.T, token string) (kid string) {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.SplitN(token, ".", 2)[0])
	if err != nil {
		t.Fatal(err)
	}
	var h struct {
		KID string `json:"kid"`
	}
	if err := json.Unmarshal(raw, &h); err != nil {
		t.Fatal(err)
	}
	return h.KID
}

func claims(t *testing.T, token string) (c struct {
	JTI string `json:"jti"`
	SID string `json:"sid"`
},
) {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// versions maps kids to key versions, by the issuance records alone.
func versions(t *testing.T, stack *integration.Stack) map[string]int {
	t.Helper()
	out := map[string]int{}
	for _, path := range stack.AllRecords() {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(text) {
			var r struct {
				Event, KID string
				Version    int `json:"key_version"`
			}
			if err := json.Unmarshal(line, &r); err == nil && r.Event == "keys" && r.KID != "" {
				out[r.KID] = r.Version
			}
		}
	}
	return out
}

// traced finds every token in Vault's log by what was signed, in one pass. It
// uses no record and no reference.
func traced(t *testing.T, stack *integration.Stack, all []issued) {
	t.Helper()
	byInput := map[string]int{} // what the log has for it, to the token
	var inputs []string
	for i := range all {
		digest := sha256.Sum256([]byte(all[i].token[:strings.LastIndexByte(all[i].token, '.')]))
		inputs = append(inputs, base64.StdEncoding.EncodeToString(digest[:]))
	}
	hashed := false
	scan := func(each func(*vaultlog.Entry)) {
		if _, err := vaultlog.Scan(t.Context(), vaultlog.Options{Files: []string{stack.Vault.AuditLog(t)}}, func(e *vaultlog.Entry) error {
			each(e)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	scan(func(e *vaultlog.Entry) {
		hashed = hashed || e.Verb == "sign" && len(e.Items) > 0 && vaultlog.Hashed(e.Items[0].Input)
	})
	for i, input := range inputs {
		if hashed {
			input, _ = stack.Vault.Must(t, http.MethodPost, "sys/audit-hash/file", map[string]any{"input": input})["hash"].(string)
		}
		byInput[input] = i
	}
	seen := make([]int, len(all))
	numbers := versions(t, stack)
	others := 0
	scan(func(e *vaultlog.Entry) {
		for _, item := range e.Items {
			i, ours := byInput[string(item.Input)]
			if e.Verb != "sign" || !item.Signed {
				continue
			}
			if !ours {
				others++
				continue
			}
			seen[i]++
			if want := numbers[header(t, all[i].token)]; e.Key != ring || item.KeyVersion != want {
				t.Errorf("token %d: signed by %s version %d, its kid is version %d", i, e.Key, item.KeyVersion, want)
			}
		}
	})
	missed := 0
	for _, n := range seen {
		if n != 1 {
			missed++
		}
	}
	if missed > 0 {
		t.Errorf("%d of %d tokens are not in Vault's log exactly once", missed, len(all))
	}
	t.Logf("%d tokens in Vault's log exactly once each, %d other signatures (canaries, checks)", len(all)-missed, others)
}

// sample asks the command about some tokens, among them one refreshed thrice.
func sample(t *testing.T, a *auditor, all []issued) {
	t.Helper()
	longest := map[int]int{}
	for i := range all {
		longest[all[i].family]++
	}
	some := []issued{}
	for i := range all {
		if all[i].family >= 0 && longest[all[i].family] == 4 && all[i].grant == "refresh_token" {
			some = append(some, all[i])
			break
		}
	}
	if len(some) == 0 {
		t.Fatal("no session was refreshed three times")
	}
	for range 10 {
		some = append(some, all[rand.IntN(len(all))])
	}
	log, records := a.copyLog(t), a.copyRecords(t)
	numbers := versions(t, a.stack)
	for i, one := range some {
		var byToken, byJTI traceReport
		args := append([]string{"trace", "-", "--vault-log", log}, files("--records", records)...)
		code := a.run(t, one.token, &byToken, args...)
		args[1] = claims(t, one.token).JTI
		codeJTI := a.run(t, "", &byJTI, args...)
		if code != 0 || codeJTI != 0 || len(byToken.Signatures) != 1 || len(byJTI.Signatures) != 1 || len(byToken.Records) != 1 {
			t.Fatalf("token %d: exit codes %d and %d, %+v", i, code, codeJTI, byToken)
		}
		sig, rec := byToken.Signatures[0], byToken.Records[0]
		if sig.RequestID == "" || sig.RequestID != byJTI.Signatures[0].RequestID || sig.RequestID != rec.RequestID || sig.Key != ring ||
			sig.Version != numbers[header(t, one.token)] || sig.EntityID == "" || sig.Accessor == "" || sig.Remote == "" ||
			rec.JTI != claims(t, one.token).JTI || rec.ClientID != "demo" || rec.Outcome != "issued" || rec.Grant != one.grant {
			t.Errorf("token %d: %+v", i, byToken)
		}
		if i == 0 && len(byToken.Lineage) != 4 {
			t.Errorf("the lineage of a token refreshed three times has %d steps", len(byToken.Lineage))
		}
		for g, step := range byToken.Lineage {
			if len(step.Signatures) != 1 || g == 0 && step.Grant != "issue" || g > 0 && step.Generation != g {
				t.Errorf("step %d of the lineage: %+v", g, step)
			}
		}
	}
}

// traceReport is what `signet audit trace -o json` prints.
type traceReport struct {
	Signatures []signature `json:"signatures"`
	Records    []record    `json:"records"`
	Lineage    []struct {
		record

		Signatures []signature `json:"signatures"`
	} `json:"lineage"`
}

type signature struct {
	RequestID string `json:"request_id"`
	Key       string `json:"key"`
	Version   int    `json:"key_version"`
	EntityID  string `json:"entity_id"`
	Accessor  string `json:"accessor"`
	Remote    string `json:"remote_address"`
}

type record struct {
	JTI        string `json:"jti"`
	ClientID   string `json:"client_id"`
	Grant      string `json:"grant"`
	Generation int    `json:"generation"`
	Outcome    string `json:"batch_outcome"`
	RequestID  string `json:"batch_request_id"`
}
