package reconcile_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"signet/audit"
	"signet/audit/reconcile"
)

// history draws what honest replicas do over time: batches that succeed, are
// lost on the way there or back, come back faulty, are refused; processes that
// end in order, die, start anew; keys that are rotated; other people's requests.
func history(t *rapid.T, w *world) {
	replicas := []string{"r1", "r2", "r3"}[:rapid.IntRange(1, 3).Draw(t, "replicas")]
	for _, r := range replicas {
		w.start(r)
	}
	for range rapid.IntRange(1, 25).Draw(t, "steps") {
		w.pass(time.Duration(rapid.IntRange(1, 5000).Draw(t, "ms")) * time.Millisecond)
		r := rapid.SampledFrom(replicas).Draw(t, "replica")
		switch rapid.IntRange(0, 9).Draw(t, "step") {
		case 0:
			w.start(r)
		case 1:
			w.anew(r)
		case 2:
			w.version++
			w.request("update", "transit/keys/"+ring+"/rotate")
		case 3:
			w.thief("billing", 2)
		case 4:
			w.request("update", "transit/sign/"+ring).Error = "permission denied"
		default:
			w.honestBatch(t, r)
		}
	}
}

// honestBatch is declared, and asked for up to three times.
func (w *world) honestBatch(t *rapid.T, replica string) {
	name := rapid.SampledFrom([]string{ring, ringH}).Draw(t, "ring")
	var items []audit.Record
	for range rapid.IntRange(1, 6).Draw(t, "items") {
		if rapid.IntRange(0, 4).Draw(t, "canary") == 0 {
			items = append(items, w.canary(name))
			continue
		}
		items = append(items, w.token(name))
	}
	for attempt := range 3 {
		b := w.declare(replica, items...)
		switch rapid.IntRange(0, 6).Draw(t, "fate") {
		case 0: // the request is lost
			w.outcome(b, audit.OutcomeUnknown)
		case 1: // the answer is lost
			w.sign(b)
			w.outcome(b, audit.OutcomeUnknown)
		case 2: // Vault died
			w.sign(b).Answered = false
			w.outcome(b, audit.OutcomeUnknown)
		case 3: // the process dies
			if rapid.Bool().Draw(t, "signed") {
				w.sign(b)
			}
			w.start(replica)
			return
		case 4: // refused; the header is built anew
			w.sign(b).Error = "refused"
			w.outcome(b, audit.OutcomeDiscarded)
			for i := range items {
				items[i].Input = w.draw()
			}
		case 5: // somebody left: the rest is asked for again
			w.sign(b)
			outcomes := make([]audit.Outcome, len(items))
			for i := range outcomes {
				outcomes[i] = rapid.SampledFrom([]audit.Outcome{audit.OutcomeIssued, audit.OutcomeDiscarded, audit.OutcomeUnknown}).Draw(t, "outcome")
			}
			w.outcome(b, outcomes...)
			return
		default:
			if attempt == 0 || rapid.Bool().Draw(t, "well") {
				w.sign(b)
				w.outcome(b, audit.OutcomeIssued)
				return
			}
		}
	}
}

// ends makes the log reach beyond all that was recorded, on both sides.
func (w *world) ends() {
	first := reconcile.Entry{File: "audit.log", Line: 1, Time: time.Date(2026, 11, 27, 11, 0, 0, 0, time.UTC), Operation: "read", Path: "sys/mounts", Answered: true}
	w.entries = slices.Insert(w.entries, 0, first)
	w.pass(time.Hour)
	w.request("read", "sys/mounts")
}

func TestHonestHistoriesHaveNoFindings(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(rapid.Bool().Draw(t, "hashed"))
		history(t, w)
		w.ends()
		got := compare(t, w.config(t), dir)
		if len(got.findings) > 0 {
			t.Fatalf("%+v\n%s", got.findings, w.text())
		}
	})
}

// TestOnePlantIsFound: a misuse in the middle of any honest history is found,
// and nothing else.
func TestOnePlantIsFound(t *testing.T) {
	names := make([]string, 0, len(plants))
	for name := range plants {
		names = append(names, name)
	}
	slices.Sort(names)
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(rapid.Bool().Draw(t, "hashed"))
		w.start("r1")
		w.start("r2")
		state(w.request("read", "transit/keys/"+ring), 1, 1, false)
		w.issue("r1", ring, 1)
		history(t, w)
		w.start("r1") // so that the chain of r1 goes on before the plant
		w.version = 1
		name := rapid.SampledFrom(names).Draw(t, "plant")
		plants[name].plant(w)
		w.start("r1")
		history(t, w)
		w.ends()
		want := []string{}
		for _, k := range plants[name].want {
			want = append(want, string(k))
		}
		slices.Sort(want)
		if got := compare(t, w.config(t), dir); !slices.Equal(got.kinds(), want) {
			t.Fatalf("%s: %q, want %q\n%+v\n%s", name, got.kinds(), want, got.findings, w.text())
		}
	})
}

// TestPartitionsChangeNothing: however both sides are split, and split again,
// the same is found.
func TestPartitionsChangeNothing(t *testing.T) {
	w := newWorld(false)
	w.start("r1")
	for i := range 400 {
		w.hashed = i%3 == 0 // the mount's setting was changed now and then
		w.pass(time.Second)
		b := w.issue("r1", ring, 3)
		switch i % 40 {
		case 7:
			w.thief(ring, 2)
		case 17:
			w.request("update", "transit/sign/"+ring).Items = []reconcile.Item{w.item(&b.items[0])}
		case 27:
			two := w.token(ring)
			two.JTI = b.items[0].JTI
			c := w.declare("r1", two)
			w.sign(c)
			w.outcome(c, audit.OutcomeIssued)
		case 37:
			w.outcome(w.declare("r1", w.token(ring)), audit.OutcomeIssued)
		}
	}
	w.ends()
	show := func(f *found) string {
		var b strings.Builder
		for i := range f.findings {
			one := f.findings[i]
			if one.Item != nil {
				fmt.Fprint(&b, *one.Item, " ")
				one.Item = nil
			}
			fmt.Fprintf(&b, "%+v\n", one)
		}
		return b.String() + fmt.Sprintf("%+v", f.summary)
	}
	var want string
	for i, c := range []struct{ parts, most int }{{1, 1 << 30}, {32, 1 << 30}, {2, 20}, {3, 1}, {256, 5}} {
		cfg := w.config(t)
		cfg.Partitions, cfg.PartitionMax = c.parts, c.most
		got := compare(t, cfg, t.TempDir())
		if i == 0 {
			want = show(got)
			for kind, n := range map[reconcile.Kind]int{reconcile.UndeclaredSignature: 20, reconcile.SignedMoreOften: 10, reconcile.JTITwice: 10, reconcile.UnsignedRecord: 10} {
				if got.summary.Findings[kind] != n {
					t.Errorf("%s: %d, want %d", kind, got.summary.Findings[kind], n)
				}
			}
		}
		if show(got) != want {
			t.Errorf("in %d parts of %d:\n%s\n\nin one:\n%s", c.parts, c.most, show(got), want)
		}
	}
}
