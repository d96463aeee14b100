package main

import "slices"

// at is one measurement.
type at struct {
	series      string
	connections int
}

// The numbers of connections that targets are for.
const (
	lowLevel  = 32
	mainLevel = 128
	highLevel = 512
)

// group is what takes turns in every round, while Vault's audit log shows digests
// readably or not.
type group struct {
	members []at
	clear   bool
}

// plan is what to measure, in this order.
func plan(levels []int) []group {
	var groups []group
	for _, n := range levels {
		var g group
		for _, s := range []string{direct, credentials, inProcess, refreshing, issuing, introspect, jwkSet, static} {
			g.members = append(g.members, at{s, n})
		}
		switch n {
		case lowLevel:
			g.members = append(g.members, at{lists, 1})
		case mainLevel:
			g.members = slices.Insert(g.members, 2, at{batches, batchConnections})
		}
		groups = append(groups, g)
		if n == mainLevel {
			groups = append(groups, group{members: []at{{directEdDSA, n}, {issuingEdDSA, n}, {directRS256, n}, {issuingRS256, n}}},
				group{members: []at{{directClear, n}, {credentialsClear, n}}, clear: true})
		}
	}
	if !slices.Contains(levels, lowLevel) {
		groups = append(groups, group{members: []at{{issuing, lowLevel}, {lists, 1}}})
	}
	return groups
}
