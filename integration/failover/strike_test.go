package failover_test

import (
	"strconv"
	"testing"
	"time"

	"signet/integration"
)

// strike kills a primary under the load. A lagging one acknowledges writes
// first that none of its replicas gets: on one machine replication is so fast
// that a plain kill hardly ever loses one.
func (l *load) strike(t *testing.T, k *kill, primary *node, replicas []*node, lagging bool) {
	t.Helper()
	if lagging {
		l.turns.Lock() // no more than what unconfirmed does is to be lost
		defer l.turns.Unlock()
		for _, c := range l.callers {
			// Signet survives the loss of two rotations in a row, not of two now
			// on top of two that were lost before and not noticed yet.
			c.refreshed(t, 1)
		}
	}
	k.opened = primary.confirm(t, k.marker, len(replicas))
	l.kills = append(l.kills, k)
	l.current.Store(k)
	if lagging {
		cutReplication(t, primary, replicas)
		l.unconfirmed(t, k)
	}
	primary.child.Kill()
	k.gone()
	if lagging {
		for _, r := range replicas {
			must(t, r.client.ConfigSet(t.Context(), "masterauth", ""))
		}
	}
}

// cutReplication lets the replicas log in with a password that the primary does not know of.
func cutReplication(t *testing.T, primary *node, replicas []*node) {
	t.Helper()
	for _, r := range replicas {
		must(t, r.client.ConfigSet(t.Context(), "masterauth", "wrong"))
	}
	must(t, primary.client.ClientKillByFilter(t.Context(), "TYPE", "replica"))
	integration.Eventually(t, 30*time.Second, "the primary is alone", func() bool {
		return primary.info(t, "replication")["connected_slaves"] == "0"
	})
}

// unconfirmed makes sessions that will be lost, and rotations: as many in a row
// as Signet promises to survive.
func (l *load) unconfirmed(t *testing.T, k *kill) {
	t.Helper()
	for i, c := range l.callers {
		lost := i / 3 % 3
		c.refreshed(t, lost)
		if lost > 0 && k.affects(c.own.slot) {
			l.rolledBack++
		}
		if !c.logins {
			continue
		}
		integration.Eventually(t, 30*time.Second, "a login at the primary without replicas", func() bool {
			s, err := c.login()
			if err != nil {
				t.Fatal(err)
			}
			if s == nil {
				return false
			}
			l.created.Add(1)
			c.sessions = append(c.sessions, s)
			return k.affects(s.slot)
		})
		l.doomed++
	}
}

// refreshed returns when the caller's own session has had so many refreshes more.
func (c *caller) refreshed(t *testing.T, times int) {
	t.Helper()
	wanted := len(c.own.tokens) + times
	integration.Eventually(t, 30*time.Second, "a refresh of every caller's", func() bool {
		if len(c.own.tokens) < wanted && !c.own.lost {
			c.refresh(c.own, false)
		}
		return len(c.own.tokens) >= wanted
	})
}

// rolledForward is how often a replica took a token that Redis had forgotten.
func (l *load) rolledForward(t *testing.T) int {
	t.Helper()
	sum := 0.0
	for _, r := range l.replicas {
		sum += r.Metric(t, "signet_refresh_events_total", `kind="roll_forward"`)
	}
	return int(sum)
}

// keyIn is a key whose slot is one of these.
func keyIn(affects func(slot int) bool) string {
	for i := 0; ; i++ {
		if key := "marker:" + strconv.Itoa(i); affects(slotOf(key)) {
			return key
		}
	}
}
