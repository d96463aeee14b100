package refreshtest

import (
	"signet/refresh"
)

var keyTests = map[string]func(*fixture){
	"KeyRotationLosesNobody":     keyRotation,
	"KeyMinimumEndsTheIdleOnly":  keyMinimum,
	"KeyUnknownVersionIsInvalid": keyUnknown,
	"KeysDownIsUnavailable":      keysDown,
	"KeyOlderReplicaKeepsSeal":   keyOlderReplica,
}

func keyRotation(f *fixture) {
	token, _ := f.create()
	for range 5 {
		f.keys.Rotate()
		token, _ = f.mustRefresh(token)
	}
	f.wantEvents()
}

// keyMinimum: the minimum rises after a rotation. Who has refreshed since goes
// on, because the session was sealed anew; who has not is out.
func keyMinimum(f *fixture) {
	busy, busySession := f.create()
	idle, idleSession := f.create()
	retry := busy
	f.keys.Rotate()
	busy, _ = f.mustRefresh(busy)
	f.keys.Retire(2)
	f.refused(idle, refresh.CauseRetiredKey)
	f.refused(retry, refresh.CauseRetiredKey)
	f.wantActive(idleSession.SID, false)
	f.wantActive(busySession.SID, true)
	f.mustRefresh(busy)
	f.wantEvents()
}

func keyUnknown(f *fixture) {
	f.keys.Rotate()
	token, _ := f.create()
	f.keys.Retire(3)
	before := f.hooks.count()
	f.refused(token, refresh.CauseRetiredKey)
	if f.hooks.count() != before {
		f.t.Fatalf("a token of a dropped version reached Redis")
	}
}

func keysDown(f *fixture) {
	token, session := f.create()
	a, err := f.store.Check(f.ctx(), token, client, "")
	if err != nil {
		f.t.Fatalf("checking: %v", err)
	}
	f.keys.Down(true)
	_, _, err = f.refresh(token)
	f.wantUnavailable(err)
	_, _, err = f.store.Commit(f.ctx(), a)
	f.wantUnavailable(err)
	_, err = f.store.Denied(f.ctx(), refresh.AccessToken{SID: session.SID, Subject: subject, ClientID: client})
	f.wantUnavailable(err)
	_, _, err = f.store.List(f.ctx(), refresh.ListRequest{Owner: refresh.Owner{Subject: subject}})
	f.wantUnavailable(err)
	_, _, err = f.store.Create(f.ctx(), refresh.Family{1}, newSession())
	f.wantUnavailable(err)
	f.keys.Down(false)
	f.mustRefresh(token)
	f.wantEvents()
}

// keyOlderReplica: another replica knows a newer version already. This one
// neither fails nor seals with the older.
func keyOlderReplica(f *fixture) {
	older := f.keys
	f.keys = NewKeys()
	f.keys.Rotate()
	f.configure(func(*refresh.Config) {})
	token, session := f.create()
	newer := f.keys
	f.keys = &Keys{min: 1, newest: 2}
	f.configure(func(c *refresh.Config) { c.Keys = lagging{Keys: newer, current: older} })
	token, _ = f.mustRefresh(token)
	newer.Retire(2)
	f.wantActive(session.SID, true) // the seal was not taken back to version 1
	f.refused(token, refresh.CauseRetiredKey)
}

// lagging knows every version when asked, but makes tokens with an older one.
type lagging struct {
	*Keys
	current *Keys
}

func (l lagging) Current() (int, []byte, error) { return l.current.Current() }
