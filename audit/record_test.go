package audit_test

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"signet/audit"
	"signet/audit/schematest"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 123456789, time.UTC)

const hash = "ncHHZb4u-dU2fm0oi4ITH2oU5057bLqP4yvIsOiXdag"

// records are one of each event, with all members that it can have.
var records = []audit.Record{
	{Event: audit.EventStart, Build: "v1", Torn: 3},
	{Event: audit.EventStop},
	{
		Event: audit.EventToken, Batch: 4, JTI: "j", Grant: "issue", SID: "0123456789012345678901", Generation: math.MaxUint32, ClientID: "c",
		Auth: "client_secret_post", Subject: "s", Audience: []string{"a", "b"}, Scope: "x y", IssuedAt: 1, Expiry: 2, Ring: "r", KID: hash,
		KeyVersion: 1, Input: "aW5wdXQ=", Remote: "::1", TraceID: "t",
	},
	{Event: audit.EventCanary, Batch: 4, Ring: "r", KID: hash, KeyVersion: 1, Input: "aW5wdXQ="},
	{Event: audit.EventBatch, Batch: 4, Items: 2, RequestID: "q", Outcome: audit.OutcomeIssued},
	{Event: audit.EventBatch, Batch: 4, Items: 2, Outcomes: []audit.Outcome{audit.OutcomeUnknown, audit.OutcomeDiscarded}},
	{Event: audit.EventWithheld, JTI: "j", SID: "0123456789012345678901", ClientID: "c", Subject: "s", Reason: "temporarily_unavailable"},
	{Event: audit.EventRefused, ClientID: "c", Endpoint: "/oauth2/token", Code: "invalid_scope", Reason: "why", Remote: "::1", TraceID: "t"},
	{Event: audit.EventAuthenticationFailed, Endpoint: "/oauth2/token", Code: "invalid_client", Count: 9},
	{Event: audit.EventRevoked, Kind: "sessions", ClientID: "c", Subject: "s", Owner: "o", Count: 2, Reason: "not confirmed"},
	{Event: audit.EventRefresh, Kind: "reuse", SID: "0123456789012345678901", ClientID: "c", Generation: 3, Presented: 1},
	{Event: audit.EventKeys, Kind: "published", Ring: "r", KeyVersion: 2, KID: hash},
	{Event: audit.EventClients, Kind: "refused", Count: 2, Digest: hash, Reason: "bad"},
	{Event: audit.EventLost, Count: 2},
}

func TestAppend(t *testing.T) {
	seen := map[audit.Event]bool{}
	for i := range records {
		r := records[i]
		r.V, r.Seq, r.Time, r.Replica = audit.Version, math.MaxInt64, noon, "replica"
		for _, prev := range []string{"", hash} {
			r.Prev = prev
			line := r.Append(nil)
			schematest.Check(t, line)
			var got audit.Record
			if err := json.Unmarshal(line, &got); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			want := r
			want.Time = noon.Truncate(time.Microsecond)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s:\ngot  %+v\nwant %+v", r.Event, got, want)
			}
			if (prev == "") != bytes.HasSuffix(line, []byte(`,"prev":null}`)) {
				t.Errorf("prev of %s", line)
			}
		}
		seen[r.Event] = true
	}
	for _, e := range audit.Events {
		if !seen[e] {
			t.Errorf("no example of %s", e)
		}
	}
}

// TestAppendAnything: whatever is in the members, a record is one line that
// reads back as what it was.
func TestAppendAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := audit.Record{
			V: 1, Seq: rapid.Uint64Range(1, math.MaxInt64).Draw(t, "seq"), Time: noon.Add(time.Duration(rapid.Int64Range(0, 1e17).Draw(t, "time"))).Truncate(time.Microsecond),
			Replica: rapid.String().Draw(t, "replica"), Event: audit.EventToken, JTI: rapid.String().Draw(t, "jti"), Subject: rapid.String().Draw(t, "sub"),
			Audience: rapid.SliceOfN(rapid.String(), 1, 3).Draw(t, "aud"), Generation: rapid.Uint32().Draw(t, "generation"), Prev: rapid.String().Draw(t, "prev"),
		}
		line := r.Append(nil)
		if strings.ContainsAny(string(line), "\n\r") {
			t.Fatalf("more than a line: %q", line)
		}
		var got audit.Record
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, r) {
			t.Fatalf("got %+v, want %+v", got, r)
		}
	})
}

func TestSchemaRefuses(t *testing.T) {
	for _, line := range []string{
		`{}`, `{"v":2,"seq":1,"time":"2026-11-27T12:00:00.000000Z","replica":"r","event":"stop","prev":null}`,
		`{"v":1,"seq":1,"time":"2026-11-27T12:00:00.000000Z","replica":"r","event":"stop","token":"x","prev":null}`,
		`{"v":1,"seq":1,"time":"2026-11-27T12:00:00.000000Z","replica":"r","event":"token","prev":null}`,
	} {
		recorder := &failures{TB: t}
		schematest.Check(recorder, []byte(line))
		if recorder.n == 0 {
			t.Errorf("taken for a record: %s", line)
		}
	}
}

// failures counts instead of failing.
type failures struct {
	testing.TB

	n int
}

func (f *failures) Helper()               {}
func (f *failures) Errorf(string, ...any) { f.n++ }
