package reconcile_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/audit"
	"signet/audit/reconcile"
)

func notes(f *found) string { return strings.Join(f.summary.Notes, "\n") }

func TestSummaryCounts(t *testing.T) {
	w := around(true, func(w *world) {
		one := w.token(ring)
		w.outcome(w.declare("r1", one), audit.OutcomeUnknown)
		b := w.declare("r1", one, w.token(ring), w.token(ring))
		w.sign(b)
		w.outcome(b, audit.OutcomeIssued, audit.OutcomeDiscarded, audit.OutcomeIssued)
		w.sign(w.declare("r1", w.token(ring)))
		w.start("r1")
		e := w.request("update", "transit/hmac/"+macs)
		e.Items = []reconcile.Item{w.raw(macs, "c2lnbmV0IHJlZnJlc2ggdjE=", "", 1)}
		act("update", "auth/approle/role/signet-issuer/secret-id", nil)(w)
		act("read", "sys/storage/raft/snapshot", nil)(w)
	})
	s := compare(t, w.config(t), t.TempDir()).summary
	if s.Signatures != 52 || s.Declarations != 53 || s.Canaries != 6 || s.Retries != 1 || s.Discarded != 1 || s.Unknown != 1 || s.NoOutcome != 1 || s.Known != 1 || s.Total() != 0 {
		t.Errorf("%+v", s)
	}
	if len(s.Replicas) != 2 || !s.Replicas[0].Intact || s.LogFrom.IsZero() || !s.LogTo.After(s.LogFrom) {
		t.Errorf("%+v", s)
	}
	for _, want := range []string{"1 times a secret id was made", "1 times Vault's storage was saved"} {
		if !strings.Contains(strings.Join(s.Notes, "\n"), want) {
			t.Errorf("%q lacks %q", s.Notes, want)
		}
	}
}

// TestRecordsBeyondTheLog: what the log cannot hold is counted, and no finding.
func TestRecordsBeyondTheLog(t *testing.T) {
	w := newWorld(false)
	w.start("r1")
	unsigned := func() { w.outcome(w.declare("r1", w.token(ring)), audit.OutcomeIssued) }
	unsigned()
	w.pass(time.Minute)
	w.issue("r1", ring, 1)
	w.pass(9 * time.Second)
	unsigned() // so near to the beginning that clocks may tell
	w.pass(time.Minute)
	unsigned() // in the middle
	w.pass(time.Minute)
	unsigned() // so near to the end that it may not be there yet
	w.issue("r1", ring, 1)
	w.pass(time.Hour)
	unsigned()
	got := compare(t, w.config(t), t.TempDir())
	if !slices.Equal(got.kinds(), []string{"unsigned_record"}) || got.summary.NotCovered != 4 || !strings.Contains(notes(got), "4 records of issued tokens are outside") {
		t.Errorf("%q, %d not covered, %q", got.kinds(), got.summary.NotCovered, got.summary.Notes)
	}
}

func TestRequestsInFlightAtTheEndAreNoFindings(t *testing.T) {
	w := around(false, func(*world) {})
	w.pass(5 * time.Second)
	w.thief(ring, 1).Answered = false
	w.request("read", "transit/export/signing-key/"+ring).Answered = false
	b := w.declare("r1", w.token(ring))
	w.sign(b).Answered = false
	w.pass(9 * time.Second)
	w.request("read", "sys/mounts")
	if got := compare(t, w.config(t), t.TempDir()); len(got.findings) != 0 {
		t.Errorf("%+v", got.findings)
	}
	w.pass(time.Minute)
	w.request("read", "sys/mounts")
	if got := compare(t, w.config(t), t.TempDir()); !slices.Equal(got.kinds(), []string{"export", "undeclared_signature"}) {
		t.Errorf("a minute later: %+v", got.findings)
	}
}

// TestTheLastSecondsOfALogCount, once Vault has answered.
func TestTheLastSecondsOfALogCount(t *testing.T) {
	w := around(false, func(*world) {})
	b := w.issue("r1", ring, 1)
	w.request("update", "transit/sign/"+ring).Items = []reconcile.Item{w.item(&b.items[0])}
	w.thief(ring, 1)
	w.request("read", "transit/backup/"+ring)
	if got := compare(t, w.config(t), t.TempDir()); !slices.Equal(got.kinds(), []string{"backup", "signed_more_often", "undeclared_signature"}) {
		t.Errorf("%+v", got.findings)
	}
}

func TestSinceUntilAndAccepted(t *testing.T) {
	w := around(false, func(w *world) { w.thief(ring, 1) })
	early := w.now
	w.pass(time.Hour)
	id := w.thief(ring, 2).RequestID
	w.request("read", "transit/backup/"+ring).RequestID = "no-uuid"
	late := w.now
	w.pass(time.Hour)
	w.request("read", "sys/mounts")
	cfg := w.config(t)
	cfg.Until = early
	if got := compare(t, cfg, t.TempDir()); len(got.findings) != 1 || !got.findings[0].Time.Before(early) {
		t.Errorf("until: %+v", got.findings)
	}
	cfg = w.config(t)
	cfg.Since = early
	if got := compare(t, cfg, t.TempDir()); len(got.findings) != 3 || !strings.Contains(notes(got), "2 undeclared signatures are later than every record") {
		t.Errorf("since: %+v, %s", got.findings, notes(got))
	}
	cfg = w.config(t)
	cfg.Since = late.Add(time.Second)
	if got := compare(t, cfg, t.TempDir()); len(got.findings) != 0 {
		t.Errorf("later: %+v", got.findings)
	}
	cfg = w.config(t)
	cfg.Accepted = map[string]bool{id: true, "no-uuid": true}
	if got := compare(t, cfg, t.TempDir()); len(got.findings) != 1 || got.summary.Accepted != 3 {
		t.Errorf("accepted %d: %+v", got.summary.Accepted, got.findings)
	}
}

func TestARequestIDThatIsNoUUIDIsShown(t *testing.T) {
	w := around(false, func(w *world) { w.thief(ring, 1).RequestID = "Strange-1" })
	if got := compare(t, w.config(t), t.TempDir()); len(got.findings) != 1 || got.findings[0].RequestID != "Strange-1" {
		t.Errorf("%+v", got.findings)
	}
}

// TestTheBeginningOfALog is what a first `signet vault init` leaves.
func TestTheBeginningOfALog(t *testing.T) {
	w := newWorld(false)
	act("update", "sys/audit/file", map[string]any{"type": "file"})(w)
	act("update", "sys/audit/second", map[string]any{"type": "file"})(w)
	act("update", "sys/mounts/transit", map[string]any{"type": "transit"})(w)
	for _, key := range []string{ring, ringH, macs} {
		state(w.request("update", "transit/keys/"+key), 1, 0, false)
	}
	w.start("r1")
	w.issue("r1", ring, 3)
	w.ends()
	if got := compare(t, w.config(t), t.TempDir()); len(got.findings) != 0 {
		t.Errorf("%+v", got.findings)
	}
}

// TestMinimumsWithoutABefore: a lowered minimum cannot be told from a raised one
// if the log does not hold what it was; that is said.
func TestMinimumsWithoutABefore(t *testing.T) {
	w := newWorld(false)
	w.start("r1")
	w.issue("r1", ring, 1)
	state(w.data(w.request("update", "transit/keys/"+ring+"/config"), map[string]any{"min_decryption_version": 2}), 2, 1, false)
	w.ends()
	if got := compare(t, w.config(t), t.TempDir()); len(got.findings) != 0 || !strings.Contains(notes(got), "1 times a minimum version was set") {
		t.Errorf("%+v, %s", got.findings, notes(got))
	}
}

func TestWithoutVault(t *testing.T) {
	cfg := around(true, func(*world) {}).config(t)
	cfg.Hasher = nil
	cfg.TempDir = t.TempDir()
	err := reconcile.Run(t.Context(), cfg, func(*reconcile.Result) error { return errors.New("nothing is to be shown") })
	if !errors.Is(err, reconcile.ErrNeedsVault) {
		t.Errorf("hashed: %v", err)
	}
	w := around(false, func(w *world) {
		act("update", "auth/approle/role/signet-issuer", roleBody(0))(w)
		act("update", "sys/policies/acl/signet-issuer", map[string]any{"policy": "any"})(w)
	})
	cfg = w.config(t)
	cfg.Hasher = nil
	got := compare(t, cfg, t.TempDir())
	if !slices.Equal(got.kinds(), []string{"policy_changed", "role_changed"}) || !strings.Contains(notes(got), "2 findings are for want of a Vault token") || w.vault.calls.Load() != 0 {
		t.Errorf("clear: %q, %s", got.kinds(), notes(got))
	}
	cfg = w.config(t)
	cfg.Hasher = broken{}
	if got := compare(t, cfg, t.TempDir()); len(got.findings) != 2 || !strings.Contains(notes(got), "Vault could not be asked") {
		t.Errorf("unreachable: %q, %s", got.kinds(), notes(got))
	}
	cfg = around(true, func(*world) {}).config(t)
	cfg.Hasher = broken{}
	if err := reconcile.Run(t.Context(), cfg, func(*reconcile.Result) error { return nil }); !errors.Is(err, errDown) {
		t.Errorf("hashed, unreachable: %v", err)
	}
}

var errDown = errors.New("down")

type broken struct{}

func (broken) All(context.Context, []string) ([]string, error) { return nil, errDown }

// TestClearLogsAskNoVault for signatures.
func TestClearLogsAskNoVault(t *testing.T) {
	w := around(false, func(*world) {})
	if got := compare(t, w.config(t), t.TempDir()); len(got.findings) != 0 || w.vault.calls.Load() != 0 {
		t.Errorf("%d calls, %+v", w.vault.calls.Load(), got.findings)
	}
}

// TestNothingIsLeftBehind, whoever ends it, and when.
func TestNothingIsLeftBehind(t *testing.T) {
	w := around(true, func(w *world) { w.thief(ring, 1) })
	stop := errors.New("stop")
	for name, change := range map[string]func(cfg *reconcile.Config, cancel func()){
		"canceled while it reads the log": func(cfg *reconcile.Config, cancel func()) {
			cfg.Log = hooked{cfg.Log, cancel}
		},
		"canceled while it asks Vault": func(cfg *reconcile.Config, cancel func()) {
			cfg.Progress = func(stage reconcile.Stage, _, _ int64) {
				if stage == reconcile.Hashing {
					cancel()
				}
			}
		},
		"a file that is not there": func(cfg *reconcile.Config, _ func()) { cfg.Records.Paths = []string{"/nonexistent"} },
		"showing fails":            func(*reconcile.Config, func()) {},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			cfg := w.config(t)
			cfg.TempDir = t.TempDir()
			change(&cfg, cancel)
			if err := reconcile.Run(ctx, cfg, func(*reconcile.Result) error { return stop }); err == nil {
				t.Error("no error")
			}
			if left, err := filepath.Glob(filepath.Join(cfg.TempDir, "*")); err != nil || len(left) > 0 {
				t.Errorf("left behind: %q, %v", left, err)
			}
		})
	}
}

// hooked calls back before the log is scanned.
type hooked struct {
	reconcile.Log

	before func()
}

func (h hooked) Scan(ctx context.Context, each func(*reconcile.Entry) error) (reconcile.LogSummary, error) {
	h.before()
	return h.Log.Scan(ctx, each)
}

func TestWhatIsMissing(t *testing.T) {
	for name, drop := range map[string]func(*reconcile.Config){
		"log":     func(c *reconcile.Config) { c.Log = nil },
		"records": func(c *reconcile.Config) { c.Records.Paths = nil },
		"keys":    func(c *reconcile.Config) { c.Keys = nil },
	} {
		cfg := around(false, func(*world) {}).config(t)
		drop(&cfg)
		if err := reconcile.Run(t.Context(), cfg, func(*reconcile.Result) error { return nil }); err == nil || !strings.Contains(err.Error(), "needs a log, records and keys") {
			t.Errorf("%s: %v", name, err)
		}
	}
	cfg := around(false, func(*world) {}).config(t)
	cfg.TempDir = "/nonexistent"
	if err := reconcile.Run(t.Context(), cfg, func(*reconcile.Result) error { return nil }); err == nil || !strings.Contains(err.Error(), "temporary files") {
		t.Errorf("temp dir: %v", err)
	}
}

func TestAFloodOfChangesIsFound(t *testing.T) {
	const flood = 60_000
	w := around(false, func(w *world) {
		for range flood {
			w.request("read", "transit/backup/"+ring)
		}
	})
	if got := compare(t, w.config(t), t.TempDir()); got.summary.Findings[reconcile.Backup] != flood {
		t.Errorf("%d findings", got.summary.Findings[reconcile.Backup])
	}
}

func TestOtherRingsAreCounted(t *testing.T) {
	w := around(false, func(w *world) {
		other := w.token("signet-old")
		w.declare("r1", other)
	})
	if got := compare(t, w.config(t), t.TempDir()); len(got.findings) != 0 || !strings.Contains(notes(got), "1 declarations are of rings") {
		t.Errorf("%+v, %s", got.findings, notes(got))
	}
}

func TestEachHasALimitAndAnOrder(t *testing.T) {
	w := around(false, func(w *world) {
		for range 20 {
			w.thief(ring, 1)
		}
	})
	cfg := w.config(t)
	stop := errors.New("stop")
	err := reconcile.Run(t.Context(), cfg, func(r *reconcile.Result) error {
		n, last := 0, time.Time{}
		if err := r.Each(reconcile.UndeclaredSignature, 7, func(f *reconcile.Finding) error {
			if n++; f.Time.Before(last) {
				t.Errorf("%v after %v", f.Time, last)
			}
			last = f.Time
			return nil
		}); err != nil || n != 7 {
			t.Errorf("%d findings, %v", n, err)
		}
		return r.Each(reconcile.UndeclaredSignature, 0, func(*reconcile.Finding) error { return stop })
	})
	if !errors.Is(err, stop) {
		t.Error(err)
	}
}

// TestRecordsAcceptNothing: a record can name any request of Vault's, so what is
// found by records alone is not accepted by it.
func TestRecordsAcceptNothing(t *testing.T) {
	w := around(false, func(w *world) { w.outcome(w.declare("r1", w.token(ring)), audit.OutcomeIssued) })
	cfg := w.config(t)
	cfg.Accepted = map[string]bool{"id": true} // that of every outcome here
	got := compare(t, cfg, t.TempDir())
	if len(got.findings) != 1 || got.findings[0].Kind != reconcile.UnsignedRecord || got.summary.Accepted != 0 {
		t.Errorf("accepted %d: %+v", got.summary.Accepted, got.findings)
	}
}
