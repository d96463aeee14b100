package refreshtest

import (
	"crypto/rand"
	"encoding/base64"
	"strings"
	"time"

	"signet/refresh"
)

var secrecyTests = map[string]func(*fixture){
	"MangledTokensNeverReachRedis": mangledTokens,
	"RedisHoldsNothingThatParses":  redisHoldsNothing,
	"MemoryStaysFlat":              memoryStaysFlat,
}

func mangledTokens(f *fixture) {
	token, session := f.create()
	before := f.hooks.count()
	refuse := func(text string) {
		f.t.Helper()
		if text == token {
			return
		}
		_, _, err := f.refresh(text)
		if cause := causeOf(err); cause != refresh.CauseMalformed && cause != refresh.CauseForged && cause != refresh.CauseRetiredKey {
			f.t.Fatalf("%q: %v", text, err)
		}
		_, err = f.store.RevokeToken(f.ctx(), text, client)
		if cause := causeOf(err); cause == "" {
			f.t.Fatalf("%q was taken for revocation", text)
		}
		if _, err := f.store.Inspect(f.ctx(), text); causeOf(err) == "" {
			f.t.Fatalf("%q: inspected %v", text, err)
		}
	}
	for i := range len(token) {
		for _, c := range []string{"A", "B", "_", "=", "\n", " ", "\x00", "é"} {
			refuse(token[:i] + c + token[i+1:])
			refuse(token[:i] + c + token[i:])
		}
		refuse(token[:i])
		refuse(token[i:])
		refuse(token[:i] + token[i+1:])
		refuse(token[:i] + string(token[i]^0x20) + token[i+1:])
	}
	for _, text := range []string{"", "sgr_", token + token, "SGR_" + token[4:], session.SID, strings.Repeat("A", refresh.TokenLength)} {
		refuse(text)
	}
	if after := f.hooks.count(); after != before {
		f.t.Fatalf("%d commands went to Redis", after-before)
	}
	f.mustRefresh(token)
}

// texts reads the session's part of Redis: keys and values of every kind.
func (f *fixture) texts(session refresh.Session) []string {
	f.t.Helper()
	record, index := recordKey(session.SID), f.indexOf(session.Subject)
	members, err := f.h.Redis.ZRange(f.ctx(), index, 0, -1).Result()
	if err != nil {
		f.t.Fatalf("reading the index: %v", err)
	}
	return append(members, record, index, f.save(f.t, session.SID))
}

// redisHoldsNothing tries every piece of what Redis holds as a token, as text
// and as bytes. The family alone, which would be half of one, is not there.
func redisHoldsNothing(f *fixture) {
	session := newSession()
	session.Subject = f.ownSubject("dump")
	token, stored := f.createAs(f.t, session)
	for range 3 {
		token, _ = f.mustRefresh(token)
		f.mustRefresh(token)
	}
	raw, err := base64.RawURLEncoding.DecodeString(token[4:])
	if err != nil {
		f.t.Fatalf("decoding: %v", err)
	}
	family, mac := raw[3:19], raw[23:]
	try := func(candidate string) {
		if cause := causeOf2(f.store.Inspect(f.ctx(), candidate)); cause != refresh.CauseMalformed && cause != refresh.CauseForged && cause != refresh.CauseRetiredKey {
			f.t.Fatalf("something in Redis is taken for a token: %s", cause)
		}
	}
	for _, text := range f.texts(stored) {
		for _, secret := range []string{
			string(family), string(mac), token[4:], base64.RawURLEncoding.EncodeToString(family), base64.StdEncoding.EncodeToString(family)[:21],
		} {
			if strings.Contains(text, secret) {
				f.t.Fatalf("Redis holds a part of a token")
			}
		}
		for i := range len(text) {
			rest := text[i:]
			if len(rest) >= 78 {
				try(rest[:78])
			}
			if len(rest) >= 74 {
				try("sgr_" + rest[:74])
			}
			if len(rest) >= 55 {
				try("sgr_" + base64.RawURLEncoding.EncodeToString([]byte(rest[:55])))
			}
		}
	}
}

func causeOf2(_ refresh.Session, err error) refresh.Cause { return causeOf(err) }

// typical is the login that the promise of a session's size is about.
func (f *fixture) typical() refresh.Session {
	return refresh.Session{
		ClientID: "webshop1", Subject: "user:" + rand.Text()[:16], Scope: "openid profile mail orders:rea",
		Audience: []string{"https://api.example.com/orders"}, Label: "Firefox 131 on Linux", AuthTime: time.Unix(1_700_000_000, 0),
	}
}

func memoryStaysFlat(f *fixture) {
	// A client has many sessions, so its index is a table and no short list.
	for range 300 {
		f.createAs(f.t, f.typical())
	}
	token, stored := f.createAs(f.t, f.typical())
	rotate := func() {
		f.t.Helper()
		var err error
		if token, _, err = f.refreshAs(f.ctx(), token, stored.ClientID); err != nil {
			f.t.Fatalf("refreshing: %v", err)
		}
	}
	before := f.footprint(stored)
	for range 1000 {
		rotate()
	}
	after := f.footprint(stored)
	f.t.Logf("bytes of a session with its share of both indexes: %d, after 1,000 refreshes %d", before, after)
	if after > before+16 || after < before-16 {
		f.t.Fatalf("%d bytes before, %d after 1,000 refreshes", before, after)
	}
	if after > 600 {
		f.t.Fatalf("%d bytes a session, want at most 600", after)
	}
}

// footprint is a session's record and its entries in the indexes of its subject
// and its client.
func (f *fixture) footprint(session refresh.Session) int64 {
	f.t.Helper()
	if !f.h.Memory {
		return int64(len(strings.Join(append(f.texts(session), f.indexOfClient(session.ClientID), session.SID), "")))
	}
	return f.memory(recordKey(session.SID)) + f.share(f.indexOf(session.Subject)) + f.share(f.indexOfClient(session.ClientID))
}

// share is the memory of an index over its entries, rounded up.
func (f *fixture) share(index string) int64 {
	f.t.Helper()
	n, err := f.h.Redis.ZCard(f.ctx(), index).Result()
	if err != nil || n == 0 {
		f.t.Fatalf("%s has %d entries, %v", index, n, err)
	}
	return (f.memory(index) + n - 1) / n
}

// memory of a key, with every element counted.
func (f *fixture) memory(key string) int64 {
	f.t.Helper()
	n, err := f.h.Redis.MemoryUsage(f.ctx(), key, 0).Result()
	if err != nil {
		f.t.Fatalf("asking for the memory of %s: %v", key, err)
	}
	return n
}
