package refreshtest

import (
	"errors"
	"strings"

	"signet/refresh"
)

var tamperTests = map[string]func(*fixture){
	"TamperedRecordMakesNobodyElse": tamperedRecord,
	"TamperedTypes":                 tamperedTypes,
	"TamperedIndexType":             tamperedIndexType,
	"TamperedRecordIsRevocable":     tamperedIsRevocable,
	"MovedRecordIsTampered":         movedRecord,
}

// The sealed bytes of a record: from the seal's key version on, and the
// absolute end in the head. The suite knows the layout only for this.
const (
	absoluteFrom, absoluteTo = 36, 42
	sealVersionFrom          = 43
	sealFrom                 = 45
)

// tamperedRecord flips every byte of a record. What is sealed is refused, and
// the rest may end the session or roll it back, but a token that comes of it is
// the same session's.
func tamperedRecord(f *fixture) {
	tokens, session := f.chain(3)
	whole := f.save(f.t, session.SID)
	for i := range len(whole) {
		for _, mask := range []byte{0x01, 0x10} {
			edited := []byte(whole)
			edited[i] ^= mask
			f.load(f.t, session.SID, string(edited))
			f.kinds()
			_, got, err := f.refresh(tokens[2])
			sealed := i >= sealVersionFrom || i >= absoluteFrom && i < absoluteTo
			switch {
			case err == nil && sealed:
				f.t.Fatalf("byte %d edited, and a token came of it", i)
			case err == nil:
				wantSame(f.t, got, session)
			case !errors.Is(err, refresh.ErrInvalid):
				f.t.Fatalf("byte %d edited: %v, want ErrInvalid", i, err)
			case i >= sealFrom:
				f.wantCause(err, refresh.CauseTampered)
				f.wantEvents(refresh.EventTampered)
				f.wantActive(session.SID, false)
			}
		}
	}
	f.load(f.t, session.SID, whole)
	f.mustRefresh(tokens[2])
}

// head of a record whose absolute end is far away, and its idle end begins with
// that byte.
func head(style, idle string) string {
	const rest = "\x00\x00\x00\x00\x00"
	return style + "\x00\x00\x00\x01" + "\x00\x01" + string(make([]byte, 16)) + "\x01" + rest + idle + rest + "\x02" + rest + "\x00" + "\x00\x01"
}

// plant puts each kind of nonsense under a key.
func plant(f *fixture) map[string]func(key string) error {
	ctx, r := f.ctx(), f.h.Redis
	text := func(value string) func(string) error {
		return func(key string) error { return r.Set(ctx, key, value, forever).Err() }
	}
	return map[string]func(key string) error{
		"list":               func(key string) error { return r.RPush(ctx, key, "x").Err() },
		"set":                func(key string) error { return r.SAdd(ctx, key, "x").Err() },
		"hash":               func(key string) error { return r.HSet(ctx, key, "status", "a").Err() },
		"empty":              text(""),
		"garbage":            text("garbage"),
		"long":               text(string(make([]byte, 4096))),
		"head only":          text(head("1a", "\x02")),
		"other style":        text(head("2a", "\x02") + "0123456789abcdef0123456789abcdef{}"),
		"idle past absolute": text(head("1a", "\x03") + "0123456789abcdef0123456789abcdef{}"),
		"text":               text(strings.Repeat("1 a 0000000001 00001 ", 10)),
	}
}

func tamperedTypes(f *fixture) {
	for name, put := range plant(f) {
		tokens, session := f.chain(2)
		key := recordKey(session.SID)
		f.h.Redis.Del(f.ctx(), key)
		if err := put(key); err != nil {
			f.t.Fatalf("planting %s: %v", name, err)
		}
		for _, token := range tokens {
			f.refused(token, refresh.CauseTampered)
			f.wantEvents(refresh.EventTampered)
		}
		_, err := f.store.Inspect(f.ctx(), tokens[1])
		f.wantCause(err, refresh.CauseTampered)
		f.wantActive(session.SID, false)
		if _, _, err := f.store.List(f.ctx(), refresh.ListRequest{Owner: refresh.Owner{Subject: subject}}); err != nil {
			f.t.Fatalf("listing over %s: %v", name, err)
		}
		if _, err := f.store.Revoke(f.ctx(), session.SID, ""); err != nil {
			f.t.Fatalf("revoking %s: %v", name, err)
		}
		f.refused(tokens[1], refresh.CauseRevoked)
	}
}

// tamperedIndexType: what is no index stops logins of that subject or client, in
// words, and nothing else.
func tamperedIndexType(f *fixture) {
	for name, put := range plant(f) {
		session := newSession()
		session.Subject, session.ClientID = f.ownSubject("planted"), f.ownSubject("client")
		token, stored := f.createAs(f.t, session)
		for key, o := range map[string]refresh.Owner{
			f.indexOf(session.Subject):        {Subject: session.Subject},
			f.indexOfClient(session.ClientID): {ClientID: session.ClientID},
		} {
			f.h.Redis.Del(f.ctx(), key)
			if err := put(key); err != nil {
				f.t.Fatalf("planting %s: %v", name, err)
			}
			_, _, err := f.store.Create(f.ctx(), refresh.Family{2}, session)
			f.wantUnavailable(err)
			_, _, err = f.store.List(f.ctx(), refresh.ListRequest{Owner: o})
			f.wantUnavailable(err)
			f.wantDenied(accessToken(stored), false)
			if token, _, err = f.refreshAs(f.ctx(), token, session.ClientID); err != nil {
				f.t.Fatalf("refreshing over %s: %v", name, err)
			}
			f.h.Redis.Del(f.ctx(), key)
			f.createAs(f.t, session)
		}
		// The not-before counts although the index cannot be read.
		if err := put(f.indexOf(session.Subject) + "x"); err != nil {
			f.t.Fatalf("planting %s: %v", name, err)
		}
		f.h.Redis.Rename(f.ctx(), f.indexOf(session.Subject)+"x", f.indexOf(session.Subject))
		f.revokeAll(refresh.Owner{Subject: session.Subject}, 0)
		f.wantDenied(accessToken(stored), true)
	}
}

// tamperedIsRevocable: a genuine token may end a record that nobody can read,
// and undoing the edit does not bring the session back.
func tamperedIsRevocable(f *fixture) {
	token, session := f.create()
	whole := f.save(f.t, session.SID)
	f.load(f.t, session.SID, whole[:len(whole)-1])
	if _, err := f.store.RevokeToken(f.ctx(), token, client); err != nil {
		f.t.Fatalf("revoking: %v", err)
	}
	f.wantEvents(refresh.EventTampered)
	f.refused(token, refresh.CauseRevoked)
}

// movedRecord: a whole and genuine record of another session.
func movedRecord(f *fixture) {
	token, session := f.create()
	admin := newSession()
	admin.Subject = "user:admin"
	_, other := f.createAs(f.t, admin)
	f.load(f.t, session.SID, f.save(f.t, other.SID))
	f.refused(token, refresh.CauseTampered)
	f.wantEvents(refresh.EventTampered)
}
