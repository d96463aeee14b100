package kidusage

import (
	"context"
	"fmt"
	"time"

	"signet/internal/sharedstate"
)

// Store adds up what all replicas counted; *sharedstate.KIDCounts is one.
type Store interface {
	// Add adds counts to what is stored for a kid, and keeps the later of the times.
	Add(ctx context.Context, kid string, delta sharedstate.KIDUse) error
}

const (
	// forgetAfter is how long a kid has been gone before its counts and series
	// go too: long enough for the last of it to be scraped.
	forgetAfter = time.Hour
	// lastFlush bounds what the end waits for.
	lastFlush = 2 * time.Second
)

// stored is how much of a count is in the store already.
type stored struct {
	issued, introspected, fetched int64
	goneSince                     time.Time // zero while the key exists
}

// Run adds what was counted to the store each interval until ctx ends, and then
// once more. It returns nil: counting goes on whatever the store does.
func (c *Counter) Run(ctx context.Context) error {
	tick := time.NewTicker(c.cfg.Interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			c.round(ctx)
		case <-ctx.Done():
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastFlush)
			defer cancel()
			if err := c.flush(end); err != nil {
				c.cfg.Logger.WarnContext(end, "counts by kid are incomplete: the last of them could not be stored", "error", err)
			}
			return nil
		}
	}
}

// round stores what is new and forgets what is long gone. The end of ctx is no
// failure: Run tries once more.
func (c *Counter) round(ctx context.Context) {
	err := c.flush(ctx)
	if ctx.Err() == nil {
		c.report(ctx, err)
	}
	c.sweep()
}

// flush stores what is new. What fails stays for the next time, and ends it for
// this time: the store is away for the others too.
func (c *Counter) flush(ctx context.Context) error {
	if c.cfg.Store == nil {
		return nil
	}
	for _, at := range *c.counts.Load() {
		if err := c.store(ctx, at); err != nil {
			return err
		}
	}
	return nil
}

func (c *Counter) store(ctx context.Context, at *count) error {
	issued, introspected, fetched := at.issued.Load(), at.introspected.Load(), at.fetched.Load()
	delta := sharedstate.KIDUse{
		Issued: issued - at.stored.issued, Introspected: introspected - at.stored.introspected, Fetched: fetched - at.stored.fetched,
		LastIssued: moment(at.lastIssued.Load()), LastIntrospected: moment(at.lastIntrospected.Load()),
	}
	if delta.Issued == 0 && delta.Introspected == 0 && delta.Fetched == 0 {
		return nil
	}
	if err := c.cfg.Store.Add(ctx, at.kid, delta); err != nil {
		return fmt.Errorf("storing counts of kid %s: %w", at.kid, err)
	}
	at.stored.issued, at.stored.introspected, at.stored.fetched = issued, introspected, fetched
	return nil
}

// report logs an outage twice: when it begins and when it ends.
func (c *Counter) report(ctx context.Context, err error) {
	switch {
	case err != nil && !c.failing:
		c.cfg.Logger.WarnContext(ctx, "counts by kid cannot be stored; counting goes on, and they are stored later", "error", err)
	case err == nil && c.failing:
		c.cfg.Logger.InfoContext(ctx, "counts by kid are stored again")
	}
	c.failing = err != nil
}

// sweep forgets keys that no ring has had for long, once they are stored.
func (c *Counter) sweep() {
	now := c.cfg.Now()
	var gone []*count
	for _, at := range *c.counts.Load() {
		switch _, exists := c.cfg.Keys.VerificationKey(at.kid); {
		case exists:
			at.stored.goneSince = time.Time{}
		case at.stored.goneSince.IsZero():
			at.stored.goneSince = now
		case now.Sub(at.stored.goneSince) >= forgetAfter && c.isStored(at):
			gone = append(gone, at)
		}
	}
	c.forget(gone)
}

func (c *Counter) isStored(at *count) bool {
	return c.cfg.Store == nil ||
		at.stored.issued == at.issued.Load() && at.stored.introspected == at.introspected.Load() && at.stored.fetched == at.fetched.Load()
}

func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}
