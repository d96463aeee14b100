package refreshtest

import (
	"signet/refresh"
)

var revokeTests = map[string]func(*fixture){
	"RevokeByAnyGeneration":       revokeByAnyGeneration,
	"RevokeByForeignClient":       revokeByForeignClient,
	"RevokeIsTerminalAndRepeated": revokeIsTerminal,
	"RevokeOddSIDs":               revokeOddSIDs,
}

func revokeByAnyGeneration(f *fixture) {
	for g := range 5 {
		tokens, session := f.chain(5)
		if _, err := f.store.RevokeToken(f.ctx(), tokens[g], client); err != nil {
			f.t.Fatalf("revoking by generation %d: %v", g+1, err)
		}
		f.wantActive(session.SID, false)
		f.refused(tokens[4], refresh.CauseRevoked)
	}
	f.wantEvents()
}

func revokeByForeignClient(f *fixture) {
	token, session := f.create()
	_, err := f.store.RevokeToken(f.ctx(), token, "other")
	f.wantCause(err, refresh.CauseClient)
	f.wantEvents(refresh.EventForeignClient)
	f.wantActive(session.SID, true)
	f.mustRefresh(token)
}

func revokeIsTerminal(f *fixture) {
	token, session := f.create()
	old := f.save(f.t, session.SID)
	for range 3 {
		if _, err := f.store.Revoke(f.ctx(), session.SID, ""); err != nil {
			f.t.Fatalf("revoking: %v", err)
		}
		if _, err := f.store.RevokeToken(f.ctx(), token, client); err != nil {
			f.t.Fatalf("revoking by token: %v", err)
		}
	}
	tomb := f.save(f.t, session.SID)
	if tomb == old || len(tomb) >= len(old) {
		f.t.Fatalf("a tombstone of %d bytes after a record of %d", len(tomb), len(old))
	}
	f.refused(token, refresh.CauseRevoked)
	if f.save(f.t, session.SID) != tomb {
		f.t.Fatalf("a tombstone was written over")
	}
}

func revokeOddSIDs(f *fixture) {
	before := f.hooks.count()
	if _, err := f.store.Revoke(f.ctx(), "", ""); err != nil {
		f.t.Fatalf("revoking nothing: %v", err)
	}
	for _, sid := range []string{"x", "../../../../../../..", "0123456789012345678901234567890", "012345678901234567890*", "0123456789\r\n9012345678"} {
		if _, err := f.store.Revoke(f.ctx(), sid, ""); err != nil {
			f.t.Fatalf("revoking %q: %v", sid, err)
		}
		f.wantActive(sid, false)
	}
	if f.hooks.count() != before {
		f.t.Fatalf("texts that are no sid went to Redis")
	}
	if _, err := f.store.Revoke(f.ctx(), refresh.Family{9, 9}.SID(), ""); err != nil {
		f.t.Fatalf("revoking a session that never was: %v", err)
	}
}
