package records

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"signet/audit"
)

// Place is where a line stands.
type Place struct {
	File int // index into Config.Paths
	Line int // from 1
}

// Record is one line as it was read: the members that say what was declared and
// what became of it. [Record.Full] has the others. All byte slices belong to the
// reader and are valid during the call only.
type Record struct {
	Seq, Batch              uint64
	Time                    time.Time
	KeyVersion, Items, Torn int
	Replica, JTI, ClientID  []byte
	Ring, Input, RequestID  []byte
	Event                   audit.Event
	Outcome                 audit.Outcome
	Prev                    []byte // empty for none

	Line  []byte     // without its newline
	Hash  audit.Hash // of Line
	Place Place
	// Chain numbers the chains, from 1: a process that goes on with a file goes on
	// with its chain. Batch is unique within one.
	Chain int

	prev     audit.Hash // Prev as bytes
	version  int
	outcomes []byte // the text of the JSON array, or empty
}

// Full decodes the whole record.
func (r *Record) Full() (audit.Record, error) {
	var full audit.Record
	if err := json.Unmarshal(r.Line, &full); err != nil {
		return full, fmt.Errorf("reading a record: %w", err)
	}
	return full, nil
}

// OutcomeOf is what an [audit.EventBatch] says of the batch's i-th declaration;
// empty if it says nothing.
func (r *Record) OutcomeOf(i int) audit.Outcome {
	if len(r.outcomes) == 0 {
		return r.Outcome
	}
	rest := r.outcomes
	for n := 0; ; n++ {
		from := bytes.IndexByte(rest, '"')
		if from < 0 {
			return ""
		}
		rest = rest[from+1:]
		to := bytes.IndexByte(rest, '"')
		if to < 0 {
			return ""
		}
		if n == i {
			return audit.Outcome(intern(rest[:to]))
		}
		rest = rest[to+1:]
	}
}

// words are the values of events and outcomes, so that reading one allocates
// nothing.
var words = func() map[string]string {
	all := map[string]string{}
	for _, e := range []audit.Event{
		audit.EventStart, audit.EventStop, audit.EventToken, audit.EventCanary, audit.EventBatch, audit.EventWithheld, audit.EventRefused,
		audit.EventAuthenticationFailed, audit.EventRevoked, audit.EventRefresh, audit.EventKeys, audit.EventClients, audit.EventLost,
	} {
		all[string(e)] = string(e)
	}
	for _, o := range []audit.Outcome{audit.OutcomeIssued, audit.OutcomeDiscarded, audit.OutcomeUnknown} {
		all[string(o)] = string(o)
	}
	return all
}()

func intern(b []byte) string {
	if w, ok := words[string(b)]; ok {
		return w
	}
	return string(b)
}
