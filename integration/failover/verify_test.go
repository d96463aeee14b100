package failover_test

import (
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// finish ends the load and judges every session that ever was.
func (l *load) finish(t *testing.T) {
	t.Helper()
	l.stop()
	l.current.Store(nil)
	var excused atomic.Int64
	var judging sync.WaitGroup
	sessions := 0
	for _, c := range l.callers {
		sessions += len(c.sessions)
		judging.Go(func() {
			for _, s := range c.sessions {
				if !s.lost {
					l.judge(s)
				}
				if s.lost && l.excuse(s) {
					excused.Add(1)
				}
			}
		})
	}
	judging.Wait()
	forward := l.rolledForward(t)
	t.Logf("%d refreshes, %d times two at once; %d sessions, %d of them made under load; %d failovers; %d sessions lost within a window, "+
		"%d rolled forward; %d answers 503, %d requests unanswered; slowest recovery %v after Redis's own",
		l.refreshes.Load(), l.doubles.Load(), sessions, l.created.Load(), len(l.kills), excused.Load(),
		forward, l.refused.Load(), l.unanswered.Load(), l.slowest.Round(time.Millisecond))
	if forward < l.rolledBack || int(excused.Load()) < l.doomed {
		t.Errorf("rotations of %d sessions and %d whole sessions were to be lost with a lagging primary", l.rolledBack, l.doomed)
	}
	for i, failure := range l.failures {
		if i == 10 {
			t.Errorf("and %d more", len(l.failures)-i)
			break
		}
		t.Error(failure)
	}
	if l.refreshes.Load() < 400 || l.created.Load() < 20 || l.doubles.Load() < 10 {
		t.Error("too little happened to say anything")
	}
}

// judge wants the newest token of a chain to work, and all others not to.
func (l *load) judge(s *session) {
	tokens := slices.Clone(s.tokens)
	next := l.settle(s, s.newest())
	if next.invalid {
		s.lost = true
		return
	}
	// In the grace it may be presented again, for the very same successor.
	if again := l.settle(s, s.newest()); !again.invalid && again.successor != next.successor {
		l.fail("a fork at the end: one token has two successors")
	}
	if beyond := l.settle(s, next.successor); beyond.invalid {
		l.fail("the successor of a session's newest token is refused (generation %d)", len(tokens)+1)
	}
	// Any older one, whichever is first, ends the session: so each chain begins with another.
	rand.Shuffle(len(tokens), func(i, j int) { tokens[i], tokens[j] = tokens[j], tokens[i] })
	for _, old := range tokens {
		if a := l.settle(s, old); !a.invalid {
			l.fail("an old token, number %d of %d, has a successor", slices.Index(s.tokens, old)+1, len(tokens))
		}
	}
}

// excuse reports whether a lost session was made in the window of a kill; if
// not, that is a failure.
func (l *load) excuse(s *session) bool {
	if slices.ContainsFunc(l.kills, func(k *kill) bool { return k.mayHaveTaken(s) }) {
		return true
	}
	l.fail("lost: a session that was made %v to %v, after %d refreshes", s.began.Format(time.StampMicro), s.stored.Format(time.StampMicro), len(s.tokens)-1)
	return false
}

// settle presents a token until there is an answer.
func (l *load) settle(s *session, token string) answer {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for range 250 { // ten seconds and more
		if a := l.present(s, token, rand.IntN(len(l.replicas))); a != (answer{}) {
			return a
		}
		<-tick.C
	}
	l.fail("no answer for so long")
	return answer{}
}
