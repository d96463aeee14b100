package reconcile

import (
	"cmp"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"time"
)

// book holds the findings: in a file, because whoever has the signing right can
// make as many as they like. In memory is where each of them stands.
type book struct {
	file         *blobs
	kinds        map[Kind][]place
	more         map[Kind]int // found, and only counted
	accepted     int
	ids          map[string]bool // accepted
	since, until time.Time
	most         int // of each kind are kept
}

// mostFindings bounds the findings of a kind that are kept, and so memory and
// disk; the rest is counted.
const mostFindings = 100_000

type place struct {
	time, at int64
	tie      uint64 // of its text, so that the order is always the same
	length   int
}

// judged says whether a time is within the bounds; an unknown one is.
func (b *book) judged(t time.Time) bool {
	return t.IsZero() || (b.since.IsZero() || !t.Before(b.since)) && (b.until.IsZero() || !t.After(b.until))
}

func (b *book) add(f *Finding) error {
	switch {
	case !b.judged(f.Time):
		return nil
	case f.Log != "" && b.ids[f.RequestID]:
		// Only what Vault's log says is accepted by its request: a record can name any.
		b.accepted++
		return nil
	case len(b.kinds[f.Kind]) >= b.most:
		b.more[f.Kind]++
		return nil
	}
	f.Time = f.Time.UTC()
	text, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("keeping a finding: %w", err)
	}
	at, err := b.file.add(text)
	if err != nil {
		return err
	}
	b.kinds[f.Kind] = append(b.kinds[f.Kind], place{time: f.Time.UnixNano(), at: at, tie: tie(text), length: len(text)})
	return nil
}

// sort puts each kind's findings in the order of their times.
func (b *book) sort() {
	for _, places := range b.kinds {
		slices.SortStableFunc(places, func(a, b place) int { return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.tie, b.tie)) })
	}
}

func tie(text []byte) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(text) // never fails
	return h.Sum64()
}

func (b *book) each(kind Kind, limit int, each func(*Finding) error) error {
	places := b.kinds[kind]
	if limit > 0 && limit < len(places) {
		places = places[:limit]
	}
	for _, p := range places {
		text := make([]byte, p.length)
		if err := b.file.read(p.at, text); err != nil {
			return err
		}
		var f Finding
		if err := json.Unmarshal(text, &f); err != nil {
			return fmt.Errorf("reading a finding: %w", err)
		}
		if err := each(&f); err != nil {
			return err
		}
	}
	return nil
}
