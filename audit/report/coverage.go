package report

import (
	"slices"
	"strings"
	"time"

	"signet/audit"
)

// Coverage is what the report speaks for.
type Coverage struct {
	// Replicas are those whose records were read, by name.
	Replicas []Replica `json:"replicas"`
	Breaks   Breaks    `json:"chain_breaks"`
	// VaultLog is nil if no log of Vault's was read.
	VaultLog *VaultLog `json:"vault_log"`
}

// Replica is what was read of one replica, whatever of it was counted.
type Replica struct {
	Name    string    `json:"replica"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Records uint64    `json:"records"`
	// FirstSeq is the smallest Seq: above 1, there were older records.
	FirstSeq uint64 `json:"first_seq"`
	LastSeq  uint64 `json:"last_seq"`
	// Starts, Stops and Torn are its processes: begun, ended in order, and ended
	// in the middle of a record.
	Starts int `json:"starts"`
	Stops  int `json:"stops"`
	Torn   int `json:"torn"`
	Breaks int `json:"chain_breaks"`
}

// Breaks are the places where the chain of records is broken.
type Breaks struct {
	Count  int     `json:"count"`
	Listed []Break `json:"listed"` // the first 100
}

// Break is one place.
type Break struct {
	Replica string `json:"replica,omitempty"`
	File    string `json:"file"`
	Line    int    `json:"line"`
	Problem string `json:"problem"`
}

// VaultLog is what was read of Vault's audit log.
type VaultLog struct {
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
}

// The bounds of lists.
const (
	breaksMax   = 100
	replicasMax = 10_000
)

// OtherReplicas is the name under which replicas beyond the first 10,000 are
// summed up.
const OtherReplicas = "(others)"

// Break tells of a place where the chain is broken.
func (c *Collector) Break(b Break) {
	c.breaks.Count++
	if len(c.breaks.Listed) < breaksMax {
		b.Replica, b.Problem = bounded(b.Replica), strings.Clone(b.Problem)
		c.breaks.Listed = append(c.breaks.Listed, b)
	}
	if b.Replica != "" {
		c.replica(b.Replica).Breaks++
	}
}

// VaultLog tells from when to when Vault's log was read.
func (c *Collector) VaultLog(from, to time.Time) {
	c.vaultLog = VaultLog{from.UTC(), to.UTC()}
}

func (c *Collector) replica(name string) *Replica {
	name = bounded(name)
	r := c.replicas[name]
	if r == nil {
		if len(c.replicas) >= replicasMax {
			c.others.Name = OtherReplicas
			return &c.others
		}
		r = &Replica{Name: strings.Clone(name)}
		c.replicas[r.Name] = r
	}
	return r
}

func (c *Collector) cover(r *audit.Record) {
	one := c.replica(r.Replica)
	at := r.Time.UTC()
	if one.Records == 0 || at.Before(one.From) {
		one.From = at
	}
	if one.Records == 0 || at.After(one.To) {
		one.To = at
	}
	if one.Records == 0 || r.Seq < one.FirstSeq {
		one.FirstSeq = r.Seq
	}
	one.LastSeq = max(one.LastSeq, r.Seq)
	one.Records++
	switch {
	case r.Event == audit.EventStart && r.Torn > 0:
		one.Starts, one.Torn = one.Starts+1, one.Torn+1
	case r.Event == audit.EventStart:
		one.Starts++
	case r.Event == audit.EventStop:
		one.Stops++
	}
}

func (c *Collector) coverage() Coverage {
	out := Coverage{Replicas: []Replica{}, Breaks: c.breaks}
	if out.Breaks.Listed == nil {
		out.Breaks.Listed = []Break{}
	}
	for _, r := range c.replicas {
		out.Replicas = append(out.Replicas, *r)
	}
	slices.SortFunc(out.Replicas, func(a, b Replica) int { return strings.Compare(a.Name, b.Name) })
	if c.others.Name != "" {
		out.Replicas = append(out.Replicas, c.others)
	}
	if c.vaultLog != (VaultLog{}) {
		log := c.vaultLog
		out.VaultLog = &log
	}
	return out
}
