package main

import (
	"slices"
	"time"

	"signet/vaultkeys/lifecycle"
)

// bar is a stretch of a row.
type bar struct {
	from, to time.Duration
	// kind is the state, or full, or partly.
	kind string
}

// The kinds of the rows that are no states.
const (
	full    = "full"   // for every replica, every verifier
	partly  = "partly" // for some
	retired = "retired"
)

// states are the states of version v.
func (l *timeline) states(v int) []bar {
	cuts := []time.Duration{l.activated(v), l.activated(v + 1), l.retired(v)}
	for _, a := range l.answers {
		cuts = append(cuts, a.at)
	}
	return l.bars(cuts, func(d time.Duration) string {
		ring := l.at(d)
		switch state := lifecycle.States(ring, l.Policy, origin.Add(d))[v]; {
		case state != "":
			return string(state)
		case v < ring.MinDecryption:
			return retired
		default:
			return ""
		}
	})
}

// signs are when replicas sign with version v, each by a clock that is at most
// clock_skew away from Vault's.
func (l *timeline) signs(v int) []bar {
	var cuts []time.Duration
	for _, n := range []int{v, v + 1} {
		if at := l.activated(n); at < forever {
			cuts = append(cuts, at-l.ClockSkew, at+l.ClockSkew)
		}
	}
	return l.bars(cuts, func(d time.Duration) string {
		ring := l.at(d)
		slow, _ := lifecycle.Signing(ring, l.Policy, origin.Add(d-l.ClockSkew))
		fast, _ := lifecycle.Signing(ring, l.Policy, origin.Add(d+l.ClockSkew))
		switch {
		case slow == v && fast == v:
			return full
		case slow == v || fast == v:
			return partly
		default:
			return ""
		}
	})
}

// tokens is when a token of version v may be valid: from its first signature to
// max_ttl after Vault refuses more of them.
func (l *timeline) tokens(v int) []bar {
	return []bar{{l.signs(v)[0].from, after(l.fenced(v), l.MaxTTL), full}}
}

// copies are when verifiers' copies of the JWK set hold version v: all of them,
// or some, according to when each was fetched.
func (l *timeline) copies(v int) []bar {
	in, out := l.made(v), l.retired(v)
	return []bar{
		{in, in + l.caught(), partly},
		{in + l.caught(), out, full},
		{out, after(out, l.caught()), partly},
	}
}

// bars evaluates kind between the cuts and joins what is alike.
func (l *timeline) bars(cuts []time.Duration, kind func(time.Duration) string) []bar {
	cuts = append(cuts, l.answers[0].at)
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	var out []bar
	for i, from := range cuts {
		if from == forever {
			break
		}
		to := forever
		if i+1 < len(cuts) {
			to = cuts[i+1]
		}
		k := kind(from)
		switch last := len(out) - 1; {
		case last >= 0 && out[last].kind == k:
			out[last].to = to
		default:
			out = append(out, bar{from, to, k})
		}
	}
	return slices.DeleteFunc(out, func(b bar) bool { return b.kind == "" })
}
