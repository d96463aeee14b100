package schematest

import (
	"sync"
	"testing"
	"time"

	"signet/audit"
)

// Notes is a journal that keeps records in memory, for tests of what is noted.
type Notes struct {
	mu  sync.Mutex
	all []audit.Record
}

// Note takes a record.
func (n *Notes) Note(r audit.Record) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, r)
}

// Take is what was noted since the last Take. Each must be a record by the schema
// once the journal has added what belongs to every one.
func (n *Notes) Take(t testing.TB) []audit.Record {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := range n.all {
		r := n.all[i]
		r.V, r.Seq, r.Time, r.Replica = audit.Version, uint64(i)+1, time.Unix(0, 0), "test"
		Check(t, append(r.Append(nil), '\n'))
	}
	taken := n.all
	n.all = nil
	return taken
}
