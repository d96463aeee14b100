package feed_test

import (
	"bytes"
	"io"
	"slices"
	"testing"

	"signet/audit"
	"signet/audit/records"
	"signet/audit/report/feed"
)

// same holds what a report is told of each line against encoding/json.
func same(t *testing.T, lines []byte) (n int) {
	t.Helper()
	cfg := records.Config{Paths: []string{records.Stdin}, Stdin: io.Reader(bytes.NewReader(lines))}
	_, err := records.Read(t.Context(), cfg, func(r *records.Record) error {
		got, gotErr := feed.Whole(r)
		want, wantErr := r.Full()
		if gotErr != nil || wantErr != nil {
			t.Errorf("%v and %v in %q", gotErr, wantErr, r.Line)
			return gotErr
		}
		n++
		if got.Seq != want.Seq || got.Batch != want.Batch || !got.Time.Equal(want.Time) || got.Replica != want.Replica || got.Event != want.Event {
			t.Errorf("%+v instead of %+v", got, want)
		}
		if got.Event == audit.EventToken && (got.ClientID != want.ClientID || got.Grant != want.Grant || got.Ring != want.Ring ||
			got.KeyVersion != want.KeyVersion || !slices.Equal(got.Audience, want.Audience)) {
			t.Errorf("%+v instead of %+v", got, want)
		}
		if got.Event == audit.EventBatch && (got.Items != want.Items || got.Outcome != want.Outcome || !slices.Equal(got.Outcomes, want.Outcomes)) {
			t.Errorf("%+v instead of %+v", got, want)
		}
		return nil
	})
	if err != nil {
		return 0 // no records
	}
	return n
}

func TestDeclarationsAreReadAlike(t *testing.T) {
	hostile := []audit.Record{}
	for _, text := range []string{`a","grant":"issue`, `a\`, "\u202e", "é", `,"aud":["x"]`, "]", "", "\x00"} {
		for i := range 4 {
			r := token("orders", 1)
			*[]*string{&r.ClientID, &r.Grant, &r.Audience[0], &r.Subject}[i] = text
			hostile = append(hostile, r)
		}
	}
	bare := token("orders", 1)
	bare.Audience = nil
	all := slices.Concat(history(), hostile, []audit.Record{bare})
	if n := same(t, lines(all...)); n != len(all) {
		t.Errorf("%d of %d records were read", n, len(all))
	}
	for _, odd := range []string{
		`,"aud":["x"],"grant":"issue"`, `,"grant":"issue","aud":["x"],"grant":"other"`, `,"grant":"issue","aud":["x"],"aud":["y"]`,
		`,"more":{"a":1,"grant":"no"},"grant":"issue","aud":["x"]`, `,"grant":"issue","aud":[]`, `,"grant":"issue","aud":null`, `,"grant":null,"aud":["x"]`,
	} {
		line := bytes.Replace(lines(bare), []byte(`,"grant":"client_credentials"`), []byte(odd), 1)
		if n := same(t, line); n != 1 {
			t.Errorf("%s was not read", line)
		}
	}
	spaced := bytes.ReplaceAll(lines(history()...), []byte(`,"`), []byte(`, "`))
	if n := same(t, spaced); n != len(history()) {
		t.Errorf("%d of %d spaced records were read", n, len(history()))
	}
}

func FuzzDeclarations(f *testing.F) {
	for _, line := range bytes.SplitAfter(lines(history()...), []byte{'\n'}) {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line []byte) { same(t, line) })
}
