package report_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"signet/audit"
	"signet/audit/report"
	"signet/vaultkeys/lifecycle"
)

// vaultKey answers as Vault does, and tells a journal.
type vaultKey struct {
	j     *journal
	state report.KeyState
}

func (k *vaultKey) ask(at time.Time, action report.Action, set ...string) {
	state := k.state
	state.Created = maps.Clone(state.Created)
	k.j.KeyRequest(&report.KeyRequest{
		Time: at, Key: "es", Action: action, Set: set, RequestID: string(action), State: &state,
		DisplayName: "approle", EntityID: "e-1", Accessor: "a-1", RemoteAddress: "10.0.0.1",
	})
}

func (k *vaultKey) rotate(at time.Time) {
	k.state.Latest++
	k.state.Created[k.state.Latest] = at
	k.ask(at, report.Rotate)
}

func (k *vaultKey) config(at time.Time, minEncryption, minDecryption int, set ...string) {
	k.state.MinEncryption, k.state.MinDecryption = minEncryption, minDecryption
	k.ask(at, report.Configure, set...)
}

func kinds(r *report.Report) (out []report.ChangeKind) {
	for _, c := range r.Keys.Changes.Listed {
		out = append(out, c.Kind)
	}
	return out
}

func TestChangesOfKeys(t *testing.T) {
	const enc, dec = "min_encryption_version", "min_decryption_version"
	first := map[int]time.Time{1: begin}
	for name, c := range map[string]struct {
		do     func(k *vaultKey)
		want   []report.ChangeKind
		detail string
		alarms uint64
	}{
		"made": {func(k *vaultKey) { k.ask(begin, report.Create) }, []report.ChangeKind{report.Created}, "", 0},
		"made again": {func(k *vaultKey) {
			k.ask(begin, report.Create)
			k.ask(begin.Add(hour), report.Create)
		}, []report.ChangeKind{report.Created}, "", 0},
		"rotated":   {func(k *vaultKey) { k.rotate(begin) }, []report.ChangeKind{report.Rotated}, "latest_version 2", 0},
		"only read": {func(k *vaultKey) { k.ask(begin, report.Read) }, nil, "", 0},
		"a keeper's rollover": {func(k *vaultKey) {
			k.rotate(begin)
			k.config(begin.Add(day), 2, 1, enc)
			k.config(begin.Add(day+hour), 2, 2, dec)
			k.state.MinAvailable = 2
			k.ask(begin.Add(2*day), report.Trim)
		}, []report.ChangeKind{report.Rotated, report.MinEncryptionRaised, report.MinDecryptionRaised, report.Trimmed}, "min_available_version 2", 0},
		"an emergency": {func(k *vaultKey) {
			k.rotate(begin)
			k.config(begin.Add(time.Second), 2, 2, enc, dec)
		}, []report.ChangeKind{report.Rotated, report.BothMinimumsRaised}, "min_encryption_version 0 to 2, min_decryption_version 1 to 2", 0},
		"an emergency after the fence": {func(k *vaultKey) {
			k.rotate(begin)
			k.config(begin.Add(day), 2, 1, enc)
			k.config(begin.Add(day+59*time.Minute), 2, 2, dec)
		}, []report.ChangeKind{report.Rotated, report.MinEncryptionRaised, report.MinDecryptionRaised}, "min_decryption_version 1 to 2", 0},
		"set to what it was": {func(k *vaultKey) {
			k.rotate(begin)
			k.config(begin.Add(day), 0, 1, dec)
		}, []report.ChangeKind{report.Rotated}, "latest_version 2", 0},
		"lowered": {func(k *vaultKey) {
			k.config(begin, 2, 2, enc, dec)
			k.config(begin.Add(day), 2, 1, dec)
		}, []report.ChangeKind{report.MinimumsSet, report.MinimumsLowered}, "min_decryption_version 2 to 1", 1},
		"one raised, one lowered": {func(k *vaultKey) {
			k.config(begin, 2, 2, enc, dec)
			k.config(begin.Add(day), 3, 1, dec)
		}, []report.ChangeKind{report.MinimumsSet, report.MinimumsLowered}, "min_encryption_version 2 to 3, min_decryption_version 2 to 1", 1},
		"made exportable": {func(k *vaultKey) {
			k.rotate(begin)
			k.config(begin.Add(day), 0, 1, "exportable", "allow_plaintext_backup")
		}, []report.ChangeKind{report.Rotated, report.Configured}, "sets allow_plaintext_backup and exportable", 1},
		"made exportable, first seen": {func(k *vaultKey) { k.config(begin, 0, 1, "exportable") }, []report.ChangeKind{report.Configured}, "min_encryption_version 0, min_decryption_version 1", 1},
		"taken away": {func(k *vaultKey) {
			for i, a := range []report.Action{report.Export, report.Backup, report.Restore, report.Import, report.Delete, report.Create} {
				k.ask(begin.Add(time.Duration(i)*hour), a)
			}
		}, []report.ChangeKind{report.Exported, report.BackedUp, report.Restored, report.Imported, report.Deleted, report.Created}, "", 5},
	} {
		t.Run(name, func(t *testing.T) {
			k := &vaultKey{newJournal(report.Config{Rings: []report.Ring{ring}}), report.KeyState{Latest: 1, MinDecryption: 1, Created: maps.Clone(first)}}
			c.do(k)
			r := k.j.Report()
			got := kinds(r)
			if len(got) != len(c.want) {
				t.Fatalf("%v, want %v", got, c.want)
			}
			for i, kind := range c.want {
				if got[i] != kind {
					t.Fatalf("%v, want %v", got, c.want)
				}
			}
			if n := len(got); n > 0 && r.Keys.Changes.Listed[n-1].Detail != c.detail {
				t.Errorf("detail %q, want %q", r.Keys.Changes.Listed[n-1].Detail, c.detail)
			}
			if r.Summary.Alarms != c.alarms {
				t.Errorf("%d alarms, want %d", r.Summary.Alarms, c.alarms)
			}
			if emergency := strings.HasPrefix(name, "an emergency"); emergency != (r.Summary.Emergencies == 1) {
				t.Errorf("%d emergencies", r.Summary.Emergencies)
			}
		})
	}
}

func TestWhoRotated(t *testing.T) {
	j := newJournal(report.Config{})
	for _, who := range []report.KeyRequest{
		{DisplayName: "approle", EntityID: "e-1", Accessor: "a-1"},
		{DisplayName: "approle", EntityID: "e-1", Accessor: "a-2"},
		{DisplayName: "token", Accessor: "a-3"},
		{},
	} {
		who.Time, who.Key, who.Action = begin, "es", report.Rotate
		j.KeyRequest(&who)
	}
	r := j.Report()
	same(t, "rotations", totals(r, report.Rotations), map[string]uint64{"approle, entity e-1": 2, "token, accessor a-3": 1, "(none)": 1})
	if r.Summary.Rotations != 4 {
		t.Errorf("%d rotations", r.Summary.Rotations)
	}
}

func TestKeyAges(t *testing.T) {
	at := begin.Add(1000 * day)
	for name, c := range map[string]struct {
		state   report.KeyState
		signed  map[int]time.Time
		want    report.Verdict
		verdict map[int]report.Verdict
		states  map[int]lifecycle.State
	}{
		"young": {
			report.KeyState{Latest: 1, Created: map[int]time.Time{1: at.Add(-89 * day)}},
			nil, report.WithinLimits,
			map[int]report.Verdict{1: "ok"},
			map[int]lifecycle.State{1: lifecycle.Active},
		},
		"its successor waits": {
			report.KeyState{Latest: 2, Created: map[int]time.Time{1: at.Add(-90*day - 20*hour), 2: at.Add(-20 * hour)}},
			nil, report.WithinLimits,
			map[int]report.Verdict{1: "ok", 2: "ok"},
			map[int]lifecycle.State{1: lifecycle.Active, 2: lifecycle.Published},
		},
		"nobody rotates": {
			report.KeyState{Latest: 1, Created: map[int]time.Time{1: at.Add(-91 * day)}},
			nil, report.OverRotationPeriod,
			map[int]report.Verdict{1: "over_rotation_period"},
			nil,
		},
		"over the cryptoperiod": {
			report.KeyState{Latest: 1, Created: map[int]time.Time{1: at.Add(-731 * day)}},
			nil, report.OverCryptoperiod,
			map[int]report.Verdict{1: "over_cryptoperiod"},
			nil,
		},
		"old and only verifies": {
			report.KeyState{Latest: 2, Created: map[int]time.Time{1: at.Add(-800 * day), 2: at.Add(-50 * day)}},
			nil, report.WithinLimits,
			map[int]report.Verdict{1: "ok", 2: "ok"},
			map[int]lifecycle.State{1: lifecycle.Retiring, 2: lifecycle.Active},
		},
		"was too old when it signed last": {
			report.KeyState{Latest: 2, Created: map[int]time.Time{1: at.Add(-800 * day), 2: at.Add(-2 * day)}},
			map[int]time.Time{1: at.Add(-60 * day)},
			report.OverCryptoperiod,
			map[int]report.Verdict{1: "over_cryptoperiod", 2: "ok"},
			nil,
		},
		"made when nobody knows": {
			report.KeyState{Latest: 1},
			nil, report.UnknownAge,
			map[int]report.Verdict{1: "unknown"},
			nil,
		},
		"retired, and signed in the period": {
			report.KeyState{Latest: 2, MinDecryption: 2, Created: map[int]time.Time{2: at.Add(-2 * day)}},
			map[int]time.Time{1: at.Add(-60 * day)},
			report.UnknownAge,
			map[int]report.Verdict{1: "unknown", 2: "ok"},
			map[int]lifecycle.State{2: lifecycle.Active},
		},
		"revoked": {
			report.KeyState{Latest: 2, Created: map[int]time.Time{1: at.Add(-50 * day), 2: at.Add(-40 * day)}, Revoked: map[int]bool{2: true}},
			nil, report.WithinLimits, nil,
			map[int]lifecycle.State{1: lifecycle.Active, 2: lifecycle.Retiring},
		},
	} {
		t.Run(name, func(t *testing.T) {
			j := newJournal(report.Config{Rings: []report.Ring{ring}})
			j.KeyState("es", at, &c.state)
			for v, signed := range c.signed {
				j.issue(signed, audit.Record{Ring: "es", KeyVersion: v})
			}
			r := j.Report()
			if r.Keys.Verdict != c.want || r.Summary.Keys != c.want {
				t.Errorf("verdict %s, want %s", r.Keys.Verdict, c.want)
			}
			for _, v := range r.Keys.Versions {
				if want, ok := c.verdict[v.Version]; ok && v.Verdict != want {
					t.Errorf("version %d: %s, want %s", v.Version, v.Verdict, want)
				}
				if want, ok := c.states[v.Version]; ok && v.State != want {
					t.Errorf("version %d: %s, want %s", v.Version, v.State, want)
				}
				if v.Source != report.FromVault {
					t.Errorf("version %d: told by %s", v.Version, v.Source)
				}
			}
		})
	}
}

func TestKeyAgesFromTheLog(t *testing.T) {
	k := &vaultKey{newJournal(report.Config{Rings: []report.Ring{ring, {Name: "unseen", Policy: ring.Policy}}}), report.KeyState{Latest: 1, MinDecryption: 1, Created: map[int]time.Time{1: begin}}}
	k.ask(begin, report.Create)
	k.rotate(begin.Add(90 * day))
	k.state.Created = map[int]time.Time{2: k.state.Created[2]}
	k.config(begin.Add(92*day), 2, 2, "min_encryption_version", "min_decryption_version")
	k.j.VaultLog(begin, begin.Add(100*day))
	k.j.issue(begin.Add(80*day), audit.Record{Ring: "es", KeyVersion: 1})
	r := k.j.Report()
	if len(r.Keys.Versions) != 2 || r.Keys.Verdict != report.UnknownAge { // nothing is known of the other ring
		t.Fatalf("%+v", r.Keys)
	}
	v2, v1 := r.Keys.Versions[0], r.Keys.Versions[1]
	if v2.Version != 2 || v2.Source != report.FromLog || *v2.AgeSeconds != int64(10*day/time.Second) || !v2.AsOf.Equal(begin.Add(100*day)) {
		t.Errorf("version 2: %+v", v2)
	}
	if v1.Version != 1 || v1.State != "" || *v1.AgeLastSigned != int64(80*day/time.Second) || v1.Verdict != report.WithinLimits {
		t.Errorf("version 1, which Vault lists no more: %+v", v1)
	}
}

// TestHMACKeyAges: Vault lists no versions of an hmac key; its log has when they
// were made.
func TestHMACKeyAges(t *testing.T) {
	j := newJournal(report.Config{Rings: []report.Ring{ring}})
	for i, action := range []report.Action{report.Create, report.Rotate} {
		j.KeyRequest(&report.KeyRequest{Time: begin.Add(time.Duration(i) * 30 * day), Key: "es", Action: action, State: &report.KeyState{Latest: i + 1}})
	}
	j.KeyState("es", begin.Add(50*day), &report.KeyState{Latest: 2})
	r := j.Report()
	if got := kinds(r); len(got) != 2 || got[0] != report.Created || got[1] != report.Rotated {
		t.Errorf("%v", got)
	}
	if len(r.Keys.Versions) != 2 || *r.Keys.Versions[0].AgeSeconds != int64(20*day/time.Second) || *r.Keys.Versions[1].AgeSeconds != int64(50*day/time.Second) {
		t.Errorf("%+v", r.Keys.Versions)
	}
}

func TestUnansweredAndLateRequests(t *testing.T) {
	j := newJournal(report.Config{Rings: []report.Ring{ring}, Since: begin})
	state := report.KeyState{Latest: 3, MinDecryption: 1, Created: map[int]time.Time{3: begin}}
	j.KeyRequest(&report.KeyRequest{Time: begin.Add(-hour), Key: "es", Action: report.Rotate, State: &state})
	j.KeyRequest(&report.KeyRequest{Time: begin.Add(hour), Key: "es", Action: report.Delete, Unanswered: true})
	r := j.Report()
	if got := kinds(r); len(got) != 1 || got[0] != report.Deleted || !r.Keys.Changes.Listed[0].Unanswered {
		t.Errorf("%+v", r.Keys.Changes)
	}
	if len(r.Keys.Versions) != 3 || r.Summary.Rotations != 0 {
		t.Errorf("what was before --since is not counted, but known: %+v", r.Keys)
	}
}

func TestManyChanges(t *testing.T) {
	j := newJournal(report.Config{})
	const many = 5000
	for i := range many {
		j.KeyRequest(&report.KeyRequest{Time: begin.Add(time.Duration(i) * time.Second), Key: "es", Action: report.Rotate})
	}
	c := j.Report().Keys.Changes
	if len(c.Listed)+c.LeftOut != many || len(c.Listed) > 500 || !c.Listed[len(c.Listed)-1].Time.Equal(begin.Add((many-1)*time.Second)) {
		t.Errorf("%d listed, %d left out", len(c.Listed), c.LeftOut)
	}
}

// TestVaultsAnswerIsNoChange: what Vault answers today says nothing of the state
// before a request in its log.
func TestVaultsAnswerIsNoChange(t *testing.T) {
	k := &vaultKey{newJournal(report.Config{Rings: []report.Ring{ring}}), report.KeyState{Latest: 1, MinDecryption: 1, Created: map[int]time.Time{1: begin}}}
	k.j.KeyState("es", begin.Add(day), &report.KeyState{Latest: 4, MinDecryption: 4, MinEncryption: 4, Created: map[int]time.Time{4: begin.Add(20 * hour)}})
	k.ask(begin, report.Create)
	k.rotate(begin.Add(hour))
	k.config(begin.Add(2*hour), 2, 1, "min_encryption_version")
	r := k.j.Report()
	if got := kinds(r); len(got) != 3 || got[0] != report.Created || got[2] != report.MinEncryptionRaised {
		t.Errorf("%v", got)
	}
	if v := r.Keys.Versions; len(v) != 1 || v[0].Version != 4 || v[0].Source != report.FromVault || *v[0].AgeSeconds != int64(4*hour/time.Second) {
		t.Errorf("%+v", v)
	}
}
