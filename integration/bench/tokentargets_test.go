package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// ofRates are rounds of these rates.
func ofRates(rates ...float64) []round {
	var rounds []round
	for _, r := range rates {
		rounds = append(rounds, round{rate: r, p50: 1, p99: 1, p999: 1})
	}
	return rounds
}

func TestJudge(t *testing.T) {
	t.Parallel()
	a, b := at{credentials, 128}, at{direct, 128}
	twice := target{name: "twice", of: a, over: b, figure: rateOf, least: true, must: 2, beyond: 3}
	few := target{name: "few", of: a, figure: rateOf, must: 100, quick: true}
	goal := target{name: "goal", of: a, over: b, figure: rateOf, least: true, beyond: 2.5}
	for name, c := range map[string]struct {
		target target
		rounds map[at][]round
		quick  bool
		missed bool
		says   string // empty: there is no verdict
	}{
		"met":                {twice, map[at][]round{a: ofRates(20, 44, 100), b: ofRates(10, 20, 100)}, false, false, ">= 2 met"},
		"missed":             {twice, map[at][]round{a: ofRates(19), b: ofRates(10)}, false, true, ">= 2 MISSED"},
		"too short to tell":  {twice, map[at][]round{a: ofRates(19), b: ofRates(10)}, true, false, "not judged"},
		"short, and met":     {twice, map[at][]round{a: ofRates(20), b: ofRates(10)}, true, false, ">= 2 met"},
		"beyond":             {twice, map[at][]round{a: ofRates(30), b: ofRates(10)}, false, false, ">= 3 reached"},
		"not beyond":         {twice, map[at][]round{a: ofRates(29), b: ofRates(10)}, false, false, ">= 3 not yet"},
		"no other":           {twice, map[at][]round{a: ofRates(29)}, false, false, ""},
		"at most":            {few, map[at][]round{a: ofRates(90, 100, 110)}, false, false, "<= 100 met"},
		"more":               {few, map[at][]round{a: ofRates(101)}, true, true, "<= 100 MISSED"},
		"not told":           {few, map[at][]round{a: ofRates(0)}, false, false, ""},
		"no ratio told":      {twice, map[at][]round{a: ofRates(0), b: ofRates(0)}, false, false, ""},
		"one round not told": {twice, map[at][]round{a: ofRates(0, 20, 20), b: ofRates(10, 0, 10)}, false, false, ">= 2 met"},
		"not measured":       {few, nil, false, false, ""},
		"only a goal":        {goal, map[at][]round{a: ofRates(1), b: ofRates(1)}, false, false, ">= 2.5 not yet"},
	} {
		verdicts := judge([]target{c.target}, c.rounds, c.quick)
		if len(verdicts) != min(len(c.says), 1) {
			t.Errorf("%s: %d verdicts", name, len(verdicts))
		}
		r := results{Tokens: &tokenResult{Verdicts: verdicts}}
		var out bytes.Buffer
		if err := r.print(&out); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), c.says) || errors.Is(r.judge(), errMissed) != c.missed {
			t.Errorf("%s: %v\n%s", name, r.judge(), out.String())
		}
	}
}

// TestServiceCPU: those who serve are counted together, and not who looks on.
func TestServiceCPU(t *testing.T) {
	t.Parallel()
	signet := round{cpu: map[string]float64{vaultProcess: 300, redisProcess: 1, signetProcess: 199, floorProcess: 0, loadProcess: 40}}
	floor := round{cpu: map[string]float64{vaultProcess: 4, redisProcess: 1, signetProcess: 2, floorProcess: 200, loadProcess: 50}}
	if a, b := serviceCPU(signet), serviceCPU(floor); a != 0.5 || b != 0.2 {
		t.Errorf("%g and %g ms, want 0.5 and 0.2", a, b)
	}
}

// TestTargetsAreMeasured: by default everything that has a target is measured,
// each at most once, and nothing is asked for that no series is of.
func TestTargetsAreMeasured(t *testing.T) {
	t.Parallel()
	o, err := parseOptions(nil, &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	measured := map[at]bool{}
	for _, group := range plan(o.tokens.levels) {
		for _, a := range group.members {
			if measured[a] {
				t.Errorf("%v is measured twice", a)
			}
			measured[a] = true
		}
	}
	for i := range targets {
		if x := &targets[i]; !measured[x.of] || x.over != (at{}) && !measured[x.over] {
			t.Errorf("%s at %d connections is not measured", x.name, x.of.connections)
		}
	}
}
