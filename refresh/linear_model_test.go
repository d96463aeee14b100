package refresh_test

import "signet/refresh"

// life says what is left of a session.
type life int

const (
	alive   life = iota
	revoked      // a tombstone
	expired      // the record is there, its idle end is past
	gone         // no record
)

// automaton is a session as the protocol has it, written down a
// second time without a look at the script. Time is no part of it: the grace
// is nothing or outlives the test, and a step of its own brings the end.
type automaton struct {
	life    life
	n       uint32
	attempt string // that made generation n
	graced  bool
	graces  int
	// shut: a not-before has ended it, whatever the record says.
	shut bool
}

type verdict int

const (
	current verdict = iota
	again
	grace
	forward
	reuse
	rolledBack
)

// judge says what a presented generation is, for a session that is alive.
func (a automaton) judge(s step) verdict {
	switch {
	case s.g == a.n:
		return current
	case s.g+1 == a.n && s.attempt != "" && s.attempt == a.attempt:
		return again
	case s.g+1 == a.n && s.grace && (a.graced || a.graces < 2):
		return grace
	case s.g < a.n:
		return reuse
	case s.g <= a.n+2:
		return forward
	default:
		return rolledBack
	}
}

// commit is the rotation. What is to be revoked it leaves alone.
func (a automaton) commit(s step) automaton {
	if a.life != alive {
		return a
	}
	switch a.judge(s) {
	case current:
		if !a.graced {
			a.graces = 0
		}
		a.n, a.attempt, a.graced = s.g+1, s.attempt, false
	case forward:
		a.n, a.attempt, a.graced, a.graces = s.g+1, s.attempt, false, 0
	case grace:
		if !a.graced {
			a.graced, a.graces = true, a.graces+1
		}
	case again, reuse, rolledBack:
	}
	return a
}

// end revokes what the protocol says is to be revoked, and nothing else.
func (a automaton) end(s step) automaton {
	s.attempt = ""
	if v := a.judge(s); a.life == alive && (v == reuse || v == rolledBack) {
		return a.bury()
	}
	return a
}

func (a automaton) bury() automaton { return automaton{life: revoked, shut: a.shut} }

// refresh says which states a refresh may leave that was answered so.
func (a automaton) refresh(s step, seen sight) []automaton {
	if cause := a.over(); cause != "" {
		return a.stays(seen == sight{cause: cause})
	}
	if v := a.judge(s); v == reuse || v == rolledBack {
		return nil // see ended
	}
	next := a.commit(s)
	return next.stays(seen == sight{generation: next.n})
}

// ended is what follows the verdict of a reuse: the session is revoked, or
// somebody has revoked it since the verdict.
func (a automaton) ended(s step) []automaton {
	next := a.end(s)
	return next.stays(next.life == revoked)
}

// look is what a token is worth by the record, without a consequence.
func (a automaton) look(s step, seen sight) bool {
	if cause := a.over(); cause != "" {
		return seen == sight{cause: cause}
	}
	switch v := a.judge(s); v {
	case reuse:
		return seen == sight{cause: refresh.CauseReuse}
	case rolledBack:
		return seen == sight{cause: refresh.CauseRolledBack}
	case current, again, grace, forward:
		return seen == sight{generation: a.n}
	default:
		return false
	}
}

// over is the cause by which every token of the session is refused.
func (a automaton) over() refresh.Cause {
	return map[life]refresh.Cause{revoked: refresh.CauseRevoked, expired: refresh.CauseExpired, gone: refresh.CauseAbsent}[a.life]
}

// stays is the one state that follows, if the answer fits.
func (a automaton) stays(fits bool) []automaton {
	if !fits {
		return nil
	}
	return []automaton{a}
}

// apply gives every state that a step may leave which was answered so; none
// means that no correct store answers so here.
func (a automaton) apply(s step, seen sight) []automaton {
	switch s.kind {
	case stepAdmit:
		return a.stays(!a.shut)
	case stepRefresh:
		return a.refresh(s, seen)
	case stepVerdict:
		return a.stays(seen.generation == 0 && a.life == alive && a.look(s, seen))
	case stepEnd:
		return a.ended(s)
	case stepShutOut:
		return a.stays(a.shut)
	case stepForeign:
		cause := a.over()
		if cause == "" {
			cause = refresh.CauseClient
		}
		return a.stays(seen == sight{cause: cause})
	case stepInspect:
		if a.shut && seen.cause == refresh.CauseRevoked {
			return a.stays(true)
		}
		return a.stays(a.look(s, seen) && (seen.generation == 0 || !a.shut))
	case stepAlive:
		return a.stays(a.life == alive)
	case stepDenied:
		return a.stays(a.life != alive || a.shut)
	case stepRead:
		seen.record.shut = a.shut // that is no part of the record
		return a.stays(seen.record == a)
	case stepRevoke:
		return a.revoke().stays(seen.ended == (a.life == alive || a.life == expired))
	case stepRevokeToken:
		if a.life == expired { // whether it is buried depends on when it was looked at
			return []automaton{a, a.bury()}
		}
		return []automaton{a.revoke()}
	case stepShut:
		a.shut = true
		return []automaton{a}
	case stepBury:
		return []automaton{a.revoke()}
	case stepFailover:
		s.to.shut = a.shut
		return []automaton{s.to}
	case stepExpire:
		if a.life == alive {
			a.life = expired
		}
		return []automaton{a}
	case stepDrop:
		return []automaton{{life: gone, shut: a.shut}}
	case lostRefresh, lostCommit, lostEnd, lostRevoke, lostShut:
		return append(a.unanswered(s), a)
	default:
		return nil
	}
}

// unanswered gives the states of a step that has happened and that nobody was
// told of.
func (a automaton) unanswered(s step) []automaton {
	switch s.kind { //nolint:exhaustive // the others are all answered
	case lostRefresh:
		return []automaton{a.commit(s), a.end(s), a.commit(s).end(s)}
	case lostCommit:
		return []automaton{a.commit(s)}
	case lostEnd:
		return []automaton{a.end(s)}
	case lostRevoke:
		return []automaton{a.revoke()}
	case lostShut:
		a.shut = true
		return []automaton{a}
	default:
		return nil
	}
}

// revoke leaves a tombstone where there is a record.
func (a automaton) revoke() automaton {
	if a.life == gone {
		return a
	}
	return a.bury()
}
