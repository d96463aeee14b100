package report

import (
	"fmt"
	"time"

	"signet/audit"
	"signet/vaultkeys/lifecycle"
)

// Config configures [New].
type Config struct {
	// Since and Until bound what is counted: from Since on, before Until. Zero is
	// no bound.
	Since, Until time.Time
	// Unit is the length of the periods; "" = hours up to three days, days up to
	// 92, else weeks.
	Unit Unit
	// Rings are the configuration's key rings, for the ages of their versions.
	Rings []Ring
	// Now is the time of the report. Required.
	Now time.Time
	// Shown is how many values of a dimension are named, the largest first, the
	// rest summed up; 0 = 50.
	Shown int
	// Distinct is how many values of a dimension are told apart; 0 = 100,000.
	Distinct int
}

// Ring is a key ring and its policy.
type Ring struct {
	// Name is the transit key's.
	Name string
	// Policy is the policy in effect.
	Policy lifecycle.Policy
}

// Collector is told of records and requests in any order and adds them up. It
// is for one goroutine.
type Collector struct {
	cfg        Config
	unit       Unit
	dimensions map[string]*dimension
	first      time.Time // of what was counted
	last       time.Time
	batches    batches
	replicas   map[string]*Replica
	others     Replica // beyond replicasMax
	breaks     Breaks
	events     Events
	keys       map[string]*key
	changes    Changes
	vaultLog   VaultLog
	lastSigned map[version]time.Time
	notes      []string
}

// New returns a Collector that was told nothing.
func New(cfg Config) *Collector {
	if cfg.Shown <= 0 {
		cfg.Shown = 50
	}
	if cfg.Distinct <= 0 {
		cfg.Distinct = 100_000
	}
	c := &Collector{
		cfg: cfg, unit: cfg.Unit, dimensions: map[string]*dimension{}, replicas: map[string]*Replica{},
		keys: map[string]*key{}, lastSigned: map[version]time.Time{},
	}
	c.batches.init(c.resolved)
	if c.unit == "" {
		c.unit = Hour
		if !cfg.Since.IsZero() && !cfg.Until.IsZero() {
			c.unit = unitFor(cfg.Until.Sub(cfg.Since))
		}
	}
	return c
}

// Note adds a sentence that the reader of the report should know.
func (c *Collector) Note(format string, args ...any) {
	c.notes = append(c.notes, fmt.Sprintf(format, args...))
}

// counts reports whether a time is within what is asked for.
func (c *Collector) counts(t time.Time) bool {
	return !t.Before(c.cfg.Since) && (c.cfg.Until.IsZero() || t.Before(c.cfg.Until))
}

// count adds n to a value of a dimension.
func (c *Collector) count(dimensionName, value string, at time.Time, n uint64) {
	c.see(at)
	d := c.dimensions[dimensionName]
	if d == nil {
		d = &dimension{distinct: c.cfg.Distinct, values: map[string]*series{}}
		c.dimensions[dimensionName] = d
	}
	d.add(value, c.unit.index(at), n)
}

// see widens the span of what was counted, and the periods if it grows too long
// for them. Hours make up days and days weeks, so nothing is lost.
func (c *Collector) see(at time.Time) {
	if c.first.IsZero() || at.Before(c.first) {
		c.first = at
	}
	if at.After(c.last) {
		c.last = at
	}
	if c.cfg.Unit != "" {
		return
	}
	for want := unitFor(c.last.Sub(c.first)); c.unit != want && c.unit != Week; {
		from, to := c.unit, Day
		if from == Day {
			to = Week
		}
		if want == Hour || want == Day && from == Day {
			return // chosen by Since and Until: never finer
		}
		for _, d := range c.dimensions {
			d.fold(func(p int64) int64 { return to.index(from.start(p)) })
		}
		c.unit = to
	}
}

// Record counts a record. It keeps no reference to it.
func (c *Collector) Record(r *audit.Record) {
	c.cover(r)
	switch r.Event {
	case audit.EventToken, audit.EventCanary:
		c.batches.declare(r)
		return
	case audit.EventBatch:
		c.batches.outcome(r)
		return
	case audit.EventStart:
		c.batches.died(r.Replica)
	case audit.EventStop, audit.EventWithheld, audit.EventRefused, audit.EventAuthenticationFailed, audit.EventRevoked,
		audit.EventRefresh, audit.EventKeys, audit.EventClients, audit.EventLost:
	}
	if c.counts(r.Time) {
		c.other(r)
	}
}
