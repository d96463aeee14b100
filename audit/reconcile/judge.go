package reconcile

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"signet/audit/vaultlog"
)

// judge says which acts are findings, once all of the log is read.
type judge struct {
	cfg    *Config
	book   *book
	acts   *acts
	expect *expectations
	end    time.Time // of the log
	first  time.Time // when the first signature was made; zero if none was
	states map[string]keyState
	unsure int // findings for want of a Vault to ask
	blind  int // changes of minimums that could not be compared with what was before
}

func (j *judge) all(ctx context.Context) error {
	j.states = map[string]keyState{}
	all := j.acts.sorted()
	for i, one := range all {
		if one.judge == judgeConfig && !one.state.Seen {
			one.state = j.later(all[i+1:], one.key)
		}
		found, why, err := j.one(ctx, &one)
		if err != nil {
			return err
		}
		if one.state.Seen {
			j.states[one.key] = one.state
		}
		e := &one.entry
		if !found || !e.Answered && e.Time.After(j.end.Add(-j.cfg.Margin)) {
			continue
		}
		if err := j.book.add(one.finding(why)); err != nil {
			return err
		}
	}
	return nil
}

// later is a key's state after a request whose answer does not show it: the next
// that is seen, or the one before, for another would have been seen since.
func (j *judge) later(rest []act, key string) keyState {
	for i := range rest {
		if rest[i].key == key && rest[i].state.Seen {
			return rest[i].state
		}
	}
	return j.states[key]
}

// one says whether an act is a finding, and why.
func (j *judge) one(ctx context.Context, a *act) (found bool, why string, err error) {
	switch a.judge {
	case judgeFirst:
		return !j.first.IsZero() && !a.entry.Time.Before(j.first), a.why, nil
	case judgeCreated:
		since, existed := j.acts.since[a.key]
		return existed && since.Before(a.entry.Time), a.why, nil
	case judgeConfig:
		what := j.config(a)
		return len(what) > 0, a.why + strings.Join(what, ", ") + ". Only raising a minimum is everyday; find out who did, set it back, and look at what was signed since", nil
	case judgeExpected:
		same, err := j.expect.same(ctx, a.entry.RequestData, a.compare)
		return j.unlike(same, a.why, err)
	case seeState:
		return false, "", nil
	case judgeFound:
	}
	return true, a.why, nil
}

func (j *judge) unlike(v verdict, why string, err error) (bool, string, error) {
	if v == unknown {
		j.unsure++
		why += " (the log is hashed: with a Vault token it could be said whether this is what `signet vault init` does)"
	}
	return v != yes, why, err
}

// config says what a request loosened. The numbers are in the answer.
func (j *judge) config(a *act) (what []string) {
	var asked map[string]json.RawMessage
	if !decodes(a.entry.RequestData, &asked) {
		return []string{"the log does not show how"}
	}
	for _, name := range sortedKeys(asked) {
		switch name {
		case "min_decryption_version", "min_encryption_version":
		case "deletion_allowed":
			if v := strings.Trim(string(asked[name]), `"`); v != "false" && (!a.state.Seen || a.state.Deletion) {
				what = append(what, "it may be deleted")
			}
		default:
			what = append(what, name+" was set, which cannot always be undone")
		}
	}
	before, known := j.states[a.key]
	switch {
	case !a.state.Seen && (asked["min_decryption_version"] != nil || asked["min_encryption_version"] != nil):
		what = append(what, "a minimum version was set, and the log does not show to what")
	case !known:
		if asked["min_decryption_version"] != nil || asked["min_encryption_version"] != nil {
			j.blind++
		}
	default:
		if a.state.MinDecryption < before.MinDecryption {
			what = append(what, fmt.Sprintf("min_decryption_version was lowered from %d to %d, so that retired versions verify again", before.MinDecryption, a.state.MinDecryption))
		}
		if a.state.MinEncryption < before.MinEncryption {
			what = append(what, fmt.Sprintf("min_encryption_version was lowered from %d to %d, so that fenced versions sign again", before.MinEncryption, a.state.MinEncryption))
		}
	}
	return what
}

// verdict is whether a value of the log is the one that is expected.
type verdict int

const (
	no verdict = iota
	yes
	unknown // it is hashed, and there is no Vault to ask
)

// expectations compares values of the log with what is harmless.
type expectations struct {
	hasher Hasher
	hashes map[string]string
	failed error // why the hasher is asked no more
}

// asks says whether there is a Vault to ask, as far as is known.
func (x *expectations) asks() bool { return x.hasher != nil && x.failed == nil }

func (x *expectations) hash(ctx context.Context, value string) (string, error) {
	if h, ok := x.hashes[value]; ok {
		return h, nil
	}
	all, err := x.hasher.All(ctx, []string{value})
	if err != nil || len(all) != 1 {
		return "", fmt.Errorf("asking Vault for a hash: %w", err)
	}
	x.hashes[value] = all[0]
	return all[0], nil
}

// same compares a value of the log with want: a string, a number, a bool, a list
// or an object of these. An object has exactly these members.
func (x *expectations) same(ctx context.Context, raw json.RawMessage, want any) (verdict, error) {
	switch want := want.(type) {
	case map[string]any:
		var got map[string]json.RawMessage
		if !decodes(raw, &got) || len(got) != len(want) {
			return no, nil
		}
		return x.each(ctx, sortedKeys(want), func(name string) (json.RawMessage, any) { return got[name], want[name] })
	case []string:
		var got []json.RawMessage
		if !decodes(raw, &got) || len(got) != len(want) {
			return no, nil
		}
		places := make([]int, len(want))
		for i := range places {
			places[i] = i
		}
		return eachOf(ctx, x, places, func(i int) (json.RawMessage, any) { return got[i], want[i] })
	case bool:
		return verdictOf(string(raw) == fmt.Sprint(want)), nil
	}
	text := string(raw)
	var s string
	if decodes(raw, &s) {
		text = s
	}
	expected := fmt.Sprint(want)
	if !vaultlog.Hashed([]byte(text)) {
		return verdictOf(text == expected), nil
	}
	if !x.asks() {
		return unknown, nil
	}
	h, err := x.hash(ctx, expected)
	// What is in the clear was compared all the same: that is worth more than an error.
	if x.failed = err; x.failed != nil {
		return unknown, ctx.Err()
	}
	return verdictOf(h == text), nil
}

// decodes says whether raw is of to's type; what is not is not what was expected.
func decodes(raw json.RawMessage, to any) bool { return json.Unmarshal(raw, to) == nil }

func verdictOf(same bool) verdict {
	if same {
		return yes
	}
	return no
}

func (x *expectations) each(ctx context.Context, members []string, of func(string) (json.RawMessage, any)) (verdict, error) {
	return eachOf(ctx, x, members, of)
}

// eachOf is yes if all are, and no if one is.
func eachOf[T any](ctx context.Context, x *expectations, all []T, of func(T) (json.RawMessage, any)) (verdict, error) {
	verdicts := make([]verdict, 0, len(all))
	for _, one := range all {
		raw, want := of(one)
		v, err := x.same(ctx, raw, want)
		if err != nil {
			return no, err
		}
		verdicts = append(verdicts, v)
	}
	switch {
	case slices.Contains(verdicts, no):
		return no, nil
	case slices.Contains(verdicts, unknown):
		return unknown, nil
	}
	return yes, nil
}
