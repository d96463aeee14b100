package main

import (
	"fmt"
	"math"

	"signet/integration/bench/growth"
	"signet/internal/grouped"
)

const (
	plannedRate     = 100_000 // tokens a second that the arithmetic is for
	plannedBusy     = 0.6     // of a core, planned for: the rest is for peaks and for a node that is lost
	plannedSessions = 10_000_000
	// nodeCores are those of a large Vault node.
	nodeCores   = 16
	secondsADay = 86_400
)

// capacityRows are the arithmetic from what was measured, for one kind of request to
// what so many a second need; nil if something of it was not measured.
func capacityRows(r *scaleResult) [][]string {
	by := map[string]unit{}
	for _, u := range r.Units {
		by[u.Name] = u
	}
	c, refreshed, asked, set, raw := by[credentials], by[refreshing], by[introspect], by[jwkSet], by[batches]
	session := r.last("sessions", "Redis, bytes a session")
	if c.Vault <= 0 || refreshed.Redis <= 0 || asked.Signet <= 0 || set.Signet <= 0 || raw.Sent <= 0 || session <= 0 {
		return nil
	}
	rows := [][]string{{"what", "arithmetic", "is"}}
	cores := func(what string, us float64) {
		n := plannedRate * us / 1e6
		rows = append(rows, []string{
			what, fmt.Sprintf("%s × %s µs; busy to %.0f %%", grouped.Thousands(plannedRate), growth.Figure(us), 100*plannedBusy),
			fmt.Sprintf("%s cores; %s", growth.Figure(n), growth.Figure(n/plannedBusy)),
		})
	}
	stream := func(what string, bytes float64) {
		n := plannedRate * bytes
		rows = append(rows, []string{
			what, fmt.Sprintf("%s × %s bytes", grouped.Thousands(plannedRate), growth.Figure(bytes)),
			fmt.Sprintf("%s MB/s, %s Gbit/s, %s TB a day", growth.Figure(n/1e6), growth.Figure(8*n/1e9), growth.Figure(n*secondsADay/1e12)),
		})
	}
	count := func(what, arithmetic string, n float64) {
		rows = append(rows, []string{what, arithmetic, growth.Figure(rounded(n))})
	}
	cores("Signet, all replicas", c.Signet)
	cores("Vault, its active node", c.Vault)
	stream("Vault's audit log", c.Log)
	stream("issuance records, all replicas", c.Records)
	stream("network between callers and Signet", c.Sent+c.Received)
	stream("network between Signet and Vault, batches of 128", raw.Sent+raw.Received)
	count("tokens/s that one core of Vault signs", fmt.Sprintf("1,000,000 / %s µs", growth.Figure(c.Vault)), 1e6/c.Vault)
	count(fmt.Sprintf("tokens/s of a Vault node of %d cores, busy to %.0f %%", nodeCores, 100*plannedBusy), fmt.Sprintf("%d × %g × 1,000,000 / %s µs", nodeCores, plannedBusy, growth.Figure(c.Vault)), nodeCores*plannedBusy*1e6/c.Vault)
	count("tokens/s whose audit log fills a disk of 500 MB/s", fmt.Sprintf("500,000,000 / %s bytes", growth.Figure(c.Log)), 500e6/c.Log)
	count("tokens/s that one core of Signet serves", fmt.Sprintf("1,000,000 / %s µs", growth.Figure(c.Signet)), 1e6/c.Signet)
	cores("if all are refreshes: Signet", refreshed.Signet)
	cores("if all are refreshes: Vault", refreshed.Vault)
	cores("if all are refreshes: Redis", refreshed.Redis)
	count("if all are refreshes: round trips to Redis a second", fmt.Sprintf("%s × %s", grouped.Thousands(plannedRate), growth.Figure(refreshed.RoundTrips)), plannedRate*refreshed.RoundTrips)
	count("if all are refreshes: commands in Redis a second", fmt.Sprintf("%s × %s", grouped.Thousands(plannedRate), growth.Figure(refreshed.Commands)), plannedRate*refreshed.Commands)
	count("refreshes/s that the one thread of a Redis carries at most", fmt.Sprintf("1,000,000 / %s µs", growth.Figure(refreshed.Redis)), 1e6/refreshed.Redis)
	count("introspections/s that one core of Signet serves", fmt.Sprintf("1,000,000 / %s µs", growth.Figure(asked.Signet)), 1e6/asked.Signet)
	count("JWK sets/s that one core of Signet serves", fmt.Sprintf("1,000,000 / %s µs", growth.Figure(set.Signet)), 1e6/set.Signet)
	count("Redis memory of 10 million sessions, GB", fmt.Sprintf("%s × %s bytes", grouped.Thousands(plannedSessions), growth.Figure(session)), plannedSessions*session/1e9)
	return rows
}

// rounded leaves three digits: the others would be those of a measurement that has
// no more.
func rounded(v float64) float64 {
	if v <= 0 {
		return v
	}
	unit := math.Pow(10, math.Floor(math.Log10(v))-2)
	return math.Round(v/unit) * unit
}

// last is a figure at the largest size of an axis, 0 if there is none.
func (r *scaleResult) last(axis, line string) float64 {
	for _, a := range r.Axes {
		for _, l := range a.Lines {
			if a.Name == axis && l.Name == line {
				return l.Values[len(l.Values)-1]
			}
		}
	}
	return 0
}
