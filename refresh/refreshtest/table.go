package refreshtest

import (
	"slices"
	"strings"
	"time"

	"signet/refresh"
)

var tableTests = map[string]func(*fixture){
	"Rotates":                   rotates,
	"EveryAncestorIsReuse":      everyAncestorIsReuse,
	"RefusesRevoked":            refusesRevoked,
	"RefusesAbsent":             refusesAbsent,
	"RefusesForeignClient":      refusesForeignClient,
	"RefusesForeignSender":      refusesForeignSender,
	"ForeignClientBeforeReuse":  foreignClientBeforeReuse,
	"CommitRepeatsTheChecks":    commitRepeatsTheChecks,
	"CheckWritesNothing":        checkWritesNothing,
	"InspectHasNoSideEffects":   inspectHasNoSideEffects,
	"ErrorsAndEventsTellNoText": errorsTellNoToken,
}

func rotates(f *fixture) {
	first, created := f.create()
	if len(first) != refresh.TokenLength || !strings.HasPrefix(first, "sgr_") {
		f.t.Fatalf("a token of %d characters", len(first))
	}
	if created.Generation != 1 || created.ExpiresAt.Sub(created.CreatedAt) != 72*time.Hour ||
		created.IdleExpiresAt.Sub(created.CreatedAt) != 24*time.Hour || !created.LastUsedAt.Equal(created.CreatedAt) {
		f.t.Fatalf("created %+v", created)
	}
	f.h.Advance(20 * time.Millisecond)
	a, err := f.store.Check(f.ctx(), first, client, "")
	if err != nil {
		f.t.Fatalf("checking: %v", err)
	}
	wantSame(f.t, a.Session, created)
	second, session, err := f.store.Commit(f.ctx(), a)
	if err != nil {
		f.t.Fatalf("committing: %v", err)
	}
	wantSame(f.t, session, created)
	if second == first || session.Generation != 2 {
		f.t.Fatalf("generation %d", session.Generation)
	}
	if !session.LastUsedAt.After(created.LastUsedAt) || session.IdleExpiresAt.Sub(session.LastUsedAt) != 24*time.Hour {
		f.t.Fatalf("the rotation did not move the idle end: %+v", session)
	}
	f.mustRefresh(second)
	f.wantEvents()
}

// wantSame compares what is sealed.
func wantSame(t tb, got, want refresh.Session) {
	t.Helper()
	if got.SID != want.SID || got.ClientID != want.ClientID || got.Subject != want.Subject || got.Scope != want.Scope ||
		!slices.Equal(got.Audience, want.Audience) || got.Label != want.Label || got.Sender != want.Sender ||
		!got.AuthTime.Equal(want.AuthTime) || !got.CreatedAt.Equal(want.CreatedAt) || !got.ExpiresAt.Equal(want.ExpiresAt) {
		t.Fatalf("session\n%+v, want\n%+v", got, want)
	}
}

func everyAncestorIsReuse(f *fixture) {
	const length = 6
	for g := range length - 2 { // the one before the last is in its grace
		tokens, session := f.chain(length)
		f.refused(tokens[g], refresh.CauseReuse)
		f.wantEvents(refresh.EventReuse)
		f.wantActive(session.SID, false)
		for _, token := range tokens {
			f.refused(token, refresh.CauseRevoked)
		}
		f.wantEvents()
	}
}

func refusesRevoked(f *fixture) {
	token, session := f.create()
	if _, err := f.store.Revoke(f.ctx(), session.SID, ""); err != nil {
		f.t.Fatalf("revoking: %v", err)
	}
	f.refused(token, refresh.CauseRevoked)
	f.wantEvents()
}

func refusesAbsent(f *fixture) {
	token, session := f.create()
	if err := f.h.Redis.Del(f.ctx(), recordKey(session.SID)).Err(); err != nil {
		f.t.Fatalf("deleting: %v", err)
	}
	f.refused(token, refresh.CauseAbsent)
	f.wantActive(session.SID, false)
	f.wantEvents()
}

func refusesForeignClient(f *fixture) {
	token, _ := f.create()
	_, _, err := f.refreshAs(f.ctx(), token, "other")
	f.wantCause(err, refresh.CauseClient)
	f.wantEvents(refresh.EventForeignClient)
	f.mustRefresh(token)
}

func refusesForeignSender(f *fixture) {
	session := newSession()
	session.Sender = "thumbprint"
	token, _ := f.createAs(f.t, session)
	for _, sender := range []string{"", "another", "thumbprint "} {
		_, err := f.store.Check(f.ctx(), token, client, sender)
		f.wantCause(err, refresh.CauseSender)
	}
	if _, err := f.store.Check(f.ctx(), token, client, "thumbprint"); err != nil {
		f.t.Fatalf("checking with the right key: %v", err)
	}
}

// foreignClientBeforeReuse: the rows have an order. A stranger with an old
// token cannot end the session.
func foreignClientBeforeReuse(f *fixture) {
	tokens, session := f.chain(4)
	_, _, err := f.refreshAs(f.ctx(), tokens[0], "other")
	f.wantCause(err, refresh.CauseClient)
	f.wantEvents(refresh.EventForeignClient)
	f.wantActive(session.SID, true)
	f.mustRefresh(tokens[3])
}

func commitRepeatsTheChecks(f *fixture) {
	type change func(sid string, tokens []string)
	cases := map[refresh.Cause]change{
		refresh.CauseRevoked: func(sid string, _ []string) {
			if _, err := f.store.Revoke(f.ctx(), sid, ""); err != nil {
				f.t.Fatalf("revoking: %v", err)
			}
		},
		refresh.CauseAbsent: func(sid string, _ []string) { f.h.Redis.Del(f.ctx(), recordKey(sid)) },
		refresh.CauseReuse: func(_ string, tokens []string) { // two generations on
			next, _ := f.mustRefresh(tokens[2])
			f.mustRefresh(next)
		},
		refresh.CauseTampered: func(sid string, _ []string) { // another session's whole record
			_, other := f.create()
			f.load(f.t, sid, strings.Replace(f.save(f.t, other.SID), "Linux", "Minix", 1))
		},
	}
	for cause, change := range cases {
		tokens, session := f.chain(3)
		a, err := f.store.Check(f.ctx(), tokens[2], client, "")
		if err != nil {
			f.t.Fatalf("checking: %v", err)
		}
		change(session.SID, tokens)
		_, _, err = f.store.Commit(f.ctx(), a)
		f.wantCause(err, cause)
		f.wantActive(session.SID, false)
	}
}

func checkWritesNothing(f *fixture) {
	tokens, session := f.chain(3)
	before := f.save(f.t, session.SID)
	for _, token := range tokens[1:] {
		if _, err := f.store.Check(f.ctx(), token, client, ""); err != nil {
			f.t.Fatalf("checking: %v", err)
		}
	}
	if f.save(f.t, session.SID) != before {
		f.t.Fatalf("a check changed the record")
	}
	f.wantEvents()
}

func inspectHasNoSideEffects(f *fixture) {
	tokens, session := f.chain(4)
	before := f.save(f.t, session.SID)
	for _, token := range tokens[2:] {
		got, err := f.store.Inspect(f.ctx(), token)
		if err != nil {
			f.t.Fatalf("inspecting: %v", err)
		}
		wantSame(f.t, got, session)
	}
	_, err := f.store.Inspect(f.ctx(), tokens[0])
	f.wantCause(err, refresh.CauseReuse)
	if f.save(f.t, session.SID) != before {
		f.t.Fatalf("inspecting changed the record")
	}
	f.wantEvents()
	f.mustRefresh(tokens[3])
}

func errorsTellNoToken(f *fixture) {
	tokens, _ := f.chain(3)
	_, _, err := f.refresh(tokens[0])
	f.wantCause(err, refresh.CauseReuse)
	if strings.Contains(err.Error(), "sgr_") || strings.Contains(err.Error(), tokens[0][4:]) {
		f.t.Fatalf("the error tells the token")
	}
}
