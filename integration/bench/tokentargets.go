package main

import "fmt"

// target is a bound that a figure of this run must keep, a goal beyond it, or both.
type target struct {
	name string
	// of and over are the measurements whose ratio counts; without over, of itself
	// does.
	of, over at
	figure   func(round) float64
	// must is judged, beyond only printed; 0 for none.
	must, beyond float64
	// least: the figure is to be at least so much; else at most.
	least bool
	// quick: rounds of a second are enough to tell.
	quick bool
}

// targets are all that the tokens' section is judged by.
var targets = []target{
	{name: "client_credentials over direct, rate", of: at{credentials, mainLevel}, over: at{direct, mainLevel}, figure: rateOf, least: true, must: 2.0, beyond: 2.5},
	{name: "client_credentials over direct, rate", of: at{credentials, highLevel}, over: at{direct, highLevel}, figure: rateOf, least: true, must: 2.5, beyond: 3.0},
	{name: "client_credentials over the floor, rate", of: at{credentials, mainLevel}, over: at{inProcess, mainLevel}, figure: rateOf, least: true, must: 0.5, beyond: 0.65},
	{name: "client_credentials over the floor, rate", of: at{credentials, highLevel}, over: at{inProcess, highLevel}, figure: rateOf, least: true, beyond: 0.75},
	{name: "client_credentials over raw batches, rate", of: at{credentials, mainLevel}, over: at{batches, batchConnections}, figure: rateOf, least: true, beyond: 0.5},
	{name: "refresh over direct, rate", of: at{refreshing, mainLevel}, over: at{direct, mainLevel}, figure: rateOf, least: true, must: 1.5},
	{name: "client_credentials over direct, p99", of: at{credentials, mainLevel}, over: at{direct, mainLevel}, figure: p99Of, must: 0.5},
	{name: "client_credentials over direct, p50", of: at{credentials, 1}, over: at{direct, 1}, figure: p50Of, must: 2.0, beyond: 1.5},
	{name: "list of 1,000 over 1,000 single requests, time", of: at{lists, 1}, over: at{issuing, lowLevel}, figure: timeOf, must: 0.33},
	{name: "JWK set over a static handler, rate", of: at{jwkSet, mainLevel}, over: at{static, mainLevel}, figure: rateOf, least: true, must: 0.8},
	// The design's 0.25 ms over the floor's 0.08: milliseconds differ by machine.
	{name: "client_credentials over the floor, CPU", of: at{credentials, lowLevel}, over: at{inProcess, lowLevel}, figure: serviceCPU, must: 3.1},
	{name: "client_credentials, CPU in ms", of: at{credentials, lowLevel}, figure: serviceCPU, beyond: 0.25},
	{name: "memory of Signet, client_credentials, MB", of: at{credentials, highLevel}, figure: signetPeak, must: 100, quick: true},
	{name: "memory of Signet, refresh, MB", of: at{refreshing, highLevel}, figure: signetPeak, must: 100, quick: true},
}

// verdict is a target and what was measured.
type verdict struct {
	Name        string `json:"name"`
	Connections int    `json:"connections"`
	Value       spread `json:"value"`
	// Least says that the bounds are lower ones.
	Least  bool    `json:"at_least"`
	Must   float64 `json:"must,omitempty"`
	Beyond float64 `json:"beyond,omitempty"`
	// Judged is false for what has no must, and in rounds that are too short to tell.
	Judged bool `json:"judged"`
	Missed bool `json:"missed"`
}

// judge holds what was measured against the targets. A target of something that
// was not measured is left out: which it is, the command line says.
func judge(targets []target, rounds map[at][]round, quick bool) []verdict {
	var verdicts []verdict
	for i := range targets {
		t := &targets[i]
		value, ok := t.value(rounds)
		if !ok {
			continue
		}
		v := verdict{
			Name: t.name, Connections: t.of.connections, Value: value, Least: t.least, Must: t.must, Beyond: t.beyond,
			Judged: t.must > 0 && (t.quick || !quick),
		}
		v.Missed = v.Judged && !v.keeps(v.Must)
		verdicts = append(verdicts, v)
	}
	return verdicts
}

func (t *target) value(rounds map[at][]round) (value spread, ok bool) {
	of, over := rounds[t.of], rounds[t.over]
	alone := t.over == at{}
	switch {
	case len(of) == 0 || len(over) == 0 && !alone:
		return spread{}, false
	case alone:
		value = spreadBy(of, t.figure)
	default:
		value = ratios(of, over, t.figure)
	}
	return value, value.Median > 0 // 0: this machine does not tell
}

// keeps is judged by the median.
func (v *verdict) keeps(bound float64) bool {
	if v.Least {
		return v.Value.Median >= bound
	}
	return v.Value.Median <= bound
}

// says is how a verdict ends: against the bound, or what it is not judged for.
func (v *verdict) says() (must, beyond string) {
	if v.Must > 0 {
		must = v.bound(v.Must) + " "
		switch {
		case v.Missed:
			must += "MISSED"
		case v.keeps(v.Must):
			must += "met"
		default:
			must += "not judged: the rounds are too short"
		}
	}
	if v.Beyond > 0 {
		beyond = v.bound(v.Beyond) + " " + map[bool]string{true: "reached", false: "not yet"}[v.keeps(v.Beyond)]
	}
	return must, beyond
}

func (v *verdict) bound(n float64) string {
	if v.Least {
		return fmt.Sprintf(">= %g", n)
	}
	return fmt.Sprintf("<= %g", n)
}
