package refreshtest

import (
	"time"

	"signet/refresh"
)

var graceTests = map[string]func(*fixture){
	"GraceGivesTheSameSuccessor":  graceGivesTheSame,
	"GraceEndsWithTime":           graceEndsWithTime,
	"GraceEndsWithTheNextUse":     graceEndsWithUse,
	"GraceZeroIsStrict":           graceZero,
	"GraceThirdInARowIsReuse":     graceThirdInARow,
	"GraceRowEndsWithACleanOne":   graceRowEnds,
	"GraceIsJudgedAsOfTheCheck":   graceAsOfTheCheck,
	"GraceNegativeAgeIsZero":      graceNegativeAge,
	"GraceMovesNoIdleEnd":         graceMovesNothing,
	"GraceKeepsTheMACKeysVersion": graceKeepsVersion,
}

func graceGivesTheSame(f *fixture) {
	token, session := f.create()
	next, _ := f.mustRefresh(token)
	for range 5 {
		again, retried := f.mustRefresh(token)
		if again != next || retried.Generation != 2 {
			f.t.Fatalf("a retry got another token, of generation %d", retried.Generation)
		}
		f.wantEvents(refresh.EventGrace)
	}
	f.wantActive(session.SID, true)
	f.mustRefresh(next)
}

func graceEndsWithTime(f *fixture) {
	f.configure(func(c *refresh.Config) { c.Grace = f.h.Grace })
	token, session := f.create()
	next, _ := f.mustRefresh(token)
	if f.h.Instant {
		f.h.Advance(f.h.Grace - time.Millisecond)
		if again, _ := f.mustRefresh(token); again != next {
			f.t.Fatalf("a retry got another token")
		}
		f.wantEvents(refresh.EventGrace)
		f.h.Advance(time.Millisecond)
	} else {
		f.h.Advance(f.h.Grace)
	}
	f.refused(token, refresh.CauseReuse)
	f.wantEvents(refresh.EventReuse)
	f.wantActive(session.SID, false)
	f.refused(next, refresh.CauseRevoked)
}

func graceEndsWithUse(f *fixture) {
	tokens, _ := f.chain(3)
	f.refused(tokens[0], refresh.CauseReuse)
	f.refused(tokens[2], refresh.CauseRevoked)
}

func graceZero(f *fixture) {
	f.configure(func(c *refresh.Config) { c.Grace = 0 })
	tokens, _ := f.chain(2)
	f.refused(tokens[0], refresh.CauseReuse)
	f.refused(tokens[1], refresh.CauseRevoked)
	f.wantEvents(refresh.EventReuse)
}

func graceThirdInARow(f *fixture) {
	token, session := f.create()
	for range 2 {
		next, _ := f.mustRefresh(token)
		for range 3 { // however often one generation is asked for, it counts once
			f.mustRefresh(token)
		}
		token = next
	}
	f.kinds()
	last, _ := f.mustRefresh(token)
	f.refused(token, refresh.CauseReuse)
	f.wantEvents(refresh.EventReuse)
	f.wantActive(session.SID, false)
	f.refused(last, refresh.CauseRevoked)
}

func graceRowEnds(f *fixture) {
	token, _ := f.create()
	for i := range 12 {
		next, _ := f.mustRefresh(token)
		if i%3 != 2 { // two in a row, then one that needs no grace
			f.mustRefresh(token)
		}
		token = next
	}
}

// graceAsOfTheCheck: the signer's slowness is not the client's.
func graceAsOfTheCheck(f *fixture) {
	f.configure(func(c *refresh.Config) { c.Grace = f.h.Grace })
	token, _ := f.create()
	next, _ := f.mustRefresh(token)
	a, err := f.store.Check(f.ctx(), token, client, "")
	if err != nil {
		f.t.Fatalf("checking: %v", err)
	}
	f.h.Advance(2 * f.h.Grace)
	again, _, err := f.store.Commit(f.ctx(), a)
	if err != nil || again != next {
		f.t.Fatalf("committing: %v, the same token: %v", err, again == next)
	}
}

// graceNegativeAge: two refreshes were checked before either was committed.
func graceNegativeAge(f *fixture) {
	f.configure(func(c *refresh.Config) { c.Grace = time.Millisecond })
	token, _ := f.create()
	attempts := make([]*refresh.Attempt, 2)
	for i := range attempts {
		var err error
		if attempts[i], err = f.store.Check(f.ctx(), token, client, ""); err != nil {
			f.t.Fatalf("checking: %v", err)
		}
	}
	f.h.Advance(20 * time.Millisecond)
	first, _, err := f.store.Commit(f.ctx(), attempts[0])
	if err != nil {
		f.t.Fatalf("committing: %v", err)
	}
	f.h.Advance(20 * time.Millisecond)
	second, _, err := f.store.Commit(f.ctx(), attempts[1])
	if err != nil || first != second {
		f.t.Fatalf("committing the second: %v, the same token: %v", err, first == second)
	}
}

func graceMovesNothing(f *fixture) {
	token, _ := f.create()
	_, rotated := f.mustRefresh(token)
	f.h.Advance(20 * time.Millisecond)
	_, retried := f.mustRefresh(token)
	if !retried.IdleExpiresAt.Equal(rotated.IdleExpiresAt) || !retried.LastUsedAt.Equal(rotated.LastUsedAt) {
		f.t.Fatalf("a retry in the grace moved the idle end from %v to %v", rotated.IdleExpiresAt, retried.IdleExpiresAt)
	}
}

func graceKeepsVersion(f *fixture) {
	token, _ := f.create()
	next, _ := f.mustRefresh(token)
	f.keys.Rotate()
	if again, _ := f.mustRefresh(token); again != next {
		f.t.Fatalf("after a rotation of the MAC key a retry got another token")
	}
	f.mustRefresh(next)
}
