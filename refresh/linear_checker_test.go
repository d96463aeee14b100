package refresh_test

import (
	"fmt"
	"slices"

	"github.com/anishathalye/porcupine"
)

// protocol is the automaton as the checker wants it: one for each session.
var protocol = (&porcupine.NondeterministicModel{
	Partition: bySession,
	Init:      func() []any { return []any{automaton{n: 1, attempt: noAttempt}} },
	Step: func(state, input, output any) []any {
		a, isState := state.(automaton)
		s, isStep := input.(step)
		seen, isSight := output.(sight)
		if !isState || !isStep || !isSight {
			return nil
		}
		var next []any
		for _, b := range a.apply(s, seen) {
			next = append(next, b)
		}
		return next
	},
}).ToModel()

func bySession(history []porcupine.Operation) [][]porcupine.Operation {
	var parts [][]porcupine.Operation
	for _, o := range history {
		s, _ := o.Input.(step)
		for len(parts) <= s.session {
			parts = append(parts, nil)
		}
		parts[s.session] = append(parts[s.session], o)
	}
	return parts
}

// describe writes a history down, one operation a line, by the time it began.
func describe(history []porcupine.Operation) (lines []string) {
	sorted := slices.Clone(history)
	slices.SortStableFunc(sorted, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	for _, o := range sorted {
		s, _ := o.Input.(step)
		seen, _ := o.Output.(sight)
		until := fmt.Sprint(o.Return)
		if o.Return == never {
			until = "?"
		}
		lines = append(lines, fmt.Sprintf("[%d, %s] caller %d, session %d: %s%s: %s", o.Call, until, o.ClientId, s.session, kindNames[s.kind], s, seen))
	}
	return lines
}
