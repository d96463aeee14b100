package journal

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"signet/audit"
)

// Whoever can reach the token endpoint can have authentications fail, and any
// client can have requests refused: records of those must not fill the disk.
const (
	floodRate  = 20  // records a second, for each of the two events
	floodBurst = 100 // and so many at once
)

// floods lets some records of each kind through and counts the others.
type floods struct {
	limits map[audit.Event]*rate.Limiter
	now    func() time.Time

	mu    sync.Mutex
	sums  map[flood]int
	since time.Time // of the oldest count
}

// flood is what summed-up records have in common: closed sets, all of them.
type flood struct {
	event          audit.Event
	endpoint, code string
}

func newFloods(now func() time.Time) *floods {
	f := &floods{limits: map[audit.Event]*rate.Limiter{}, now: now, sums: map[flood]int{}}
	for _, e := range []audit.Event{audit.EventAuthenticationFailed, audit.EventRefused} {
		f.limits[e] = rate.NewLimiter(floodRate, floodBurst)
	}
	return f
}

func (f *floods) passes(r *audit.Record) bool {
	limit := f.limits[r.Event]
	now := f.now()
	if limit == nil || limit.AllowN(now, 1) {
		return true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.sums) == 0 {
		f.since = now
	}
	f.sums[flood{r.Event, r.Endpoint, r.Code}]++
	return false
}

// due are the sums, once the oldest count is a second old.
func (f *floods) due(now time.Time) []audit.Record {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.sums) == 0 || now.Sub(f.since) < time.Second {
		return nil
	}
	all := make([]audit.Record, 0, len(f.sums))
	for k, n := range f.sums {
		all = append(all, audit.Record{Event: k.event, Endpoint: k.endpoint, Code: k.code, Count: n})
	}
	clear(f.sums)
	return all
}
