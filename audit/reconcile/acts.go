package reconcile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// act is a request that signs nothing and is not everyday either. Some can only
// be judged once everything is read: what was there before, and what was first.
type act struct {
	kind    Kind // of the finding that it may be
	why     string
	judge   judgement
	entry   Entry // its slices are copies
	key     string
	state   keyState // of key, after it
	compare any      // for judgeExpected: what is harmless
}

// judgement is how an act is judged.
type judgement int

const (
	judgeFound    judgement = iota // it is a finding
	judgeExpected                  // unless its data is exactly compare
	judgeFirst                     // unless nothing had been signed yet
	judgeConfig                    // unless it only raises minimums
	judgeCreated                   // unless the key is new
	seeState                       // it is none, and shows a key's state
)

// keyState is what Vault's answers tell of a key, clear even in a hashed log.
type keyState struct {
	Seen          bool `json:"-"`
	MinDecryption int  `json:"min_decryption_version"`
	MinEncryption int  `json:"min_encryption_version"`
	Deletion      bool `json:"deletion_allowed"`
}

// acts collects them.
type acts struct {
	cfg      *Config
	keys     map[string]bool
	policies map[string]string
	roles    map[string]map[string]any
	all      []act
	last     map[string]keyState
	since    map[string]time.Time // when a key was first there

	beyond    func(*act) error // takes what is more than maxActs
	err       error            // of beyond
	secretIDs int
	snapshots int
}

// maxActs bounds how many are kept to be judged at the end; more are findings at
// once, for no Signet makes so many.
const maxActs = 50_000

// maxData bounds the data that is kept of an act; a hashed one has far less.
const maxData = 256 << 10

func newActs(cfg *Config, beyond func(*act) error) *acts {
	a := &acts{cfg: cfg, beyond: beyond, keys: map[string]bool{}, policies: map[string]string{}, roles: map[string]map[string]any{}, last: map[string]keyState{}, since: map[string]time.Time{}}
	for i := range cfg.Keys {
		a.keys[cfg.Keys[i].Name] = true
	}
	for _, p := range cfg.Policies {
		a.policies[p.Name] = p.Text
	}
	for _, r := range cfg.Roles {
		a.roles[r.Name] = r.Body
	}
	return a
}

// exists notes that a key was there at a time.
func (a *acts) exists(key string, t time.Time) {
	if before, ok := a.since[key]; !ok || t.Before(before) {
		a.since[key] = t
	}
}

// see judges where a request went.
func (a *acts) see(e *Entry) error {
	path := strings.Trim(e.Path, "/")
	if below, ok := strings.CutPrefix(path, a.cfg.Mount+"/"); ok {
		a.transit(e, below)
		return a.err
	}
	a.system(e, path)
	return a.err
}

// odd is a request to sign whose items the log does not show.
func (a *acts) odd(e *Entry, k *Key) error {
	if reads(e) {
		return a.err
	}
	a.keep(act{kind: OtherPath, key: k.Name, why: "this request to sign was answered, and the log does not show what was signed: no Signet sends such a request. Look at the line, and at who asked"}, e)
	return a.err
}

// reads says that a request changes nothing.
func reads(e *Entry) bool {
	return e.Operation == "read" || e.Operation == "list" || e.Operation == "help" || e.Operation == "header"
}

// keep keeps an act with what is needed of its entry.
func (a *acts) keep(one act, e *Entry) {
	if len(a.all) >= maxActs {
		if one.judge != seeState && a.err == nil {
			one.entry = *e
			a.err = a.beyond(&one)
		}
		return
	}
	one.entry = *e
	one.entry.Items, one.entry.KeyVersion, one.entry.ResponseData = nil, nil, nil
	one.entry.RequestData = nil
	if len(e.RequestData) <= maxData {
		one.entry.RequestData = bytes.Clone(e.RequestData)
	}
	a.all = append(a.all, one)
}

// observe notes the state that an answer shows of a key.
func (a *acts) observe(e *Entry, key string) keyState {
	var s keyState
	if !e.Answered || len(e.ResponseData) == 0 || !bytes.Contains(e.ResponseData, []byte(`"min_decryption_version"`)) {
		return s
	}
	if json.Unmarshal(e.ResponseData, &s) != nil {
		return keyState{}
	}
	s.Seen = true
	a.exists(key, e.Time)
	return s
}

// finding is what an act is, if it is one.
func (a *act) finding(why string) *Finding {
	e := &a.entry
	if !e.Answered {
		why = "Vault's log has no answer to this request, so perhaps: " + why
	}
	return &Finding{
		Kind: a.kind, Time: e.Time, Log: fmt.Sprintf("%s:%d", e.File, e.Line), RequestID: e.RequestID, Operation: e.Operation, Path: e.Path,
		Key: a.key, Who: e.Who, Message: why,
	}
}

// sorted are the acts in the order of their times.
func (a *acts) sorted() []act {
	slices.SortStableFunc(a.all, func(x, y act) int { return x.entry.Time.Compare(y.entry.Time) })
	return a.all
}
