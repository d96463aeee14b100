package refresh_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"signet/refresh"
	"signet/refresh/refreshtest"
)

func hmacOf(key []byte, message string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(message))
	return h.Sum(nil)
}

// TestFormats builds token, sid and record by hand, from nothing but what
// the comments in token.go and record.go say.
func TestFormats(t *testing.T) {
	t.Parallel()
	h := openMini(t)
	keys := refreshtest.NewKeys()
	store := refresh.New(refresh.Config{Redis: h.Redis, Keys: keys, Idle: time.Hour, Absolute: 3 * time.Hour, Now: h.Now})
	family := refresh.Family(bytes.Repeat([]byte{0xfb}, 16))
	token, session, err := store.Create(t.Context(), family, refresh.Session{
		ClientID: "login", Subject: "user:alice", Audience: []string{"https://api.example.com"}, AuthTime: time.Unix(1_700_000_000, 0),
	})
	if err != nil {
		t.Fatal(err)
	}
	version, secret, err := keys.Current()
	if err != nil || version != 1 {
		t.Fatal(version, err)
	}
	signed := "\x01" + "\x00\x01" + strings.Repeat("\xfb", 16) + "\x00\x00\x00\x01"
	mac := hmacOf(hmacOf(secret, "refresh token"), signed)
	if want := "sgr_" + base64.RawURLEncoding.EncodeToString([]byte(signed+string(mac))); token != want || len(token) != 78 {
		t.Errorf("token of %d characters is not the one of the format", len(token))
	}
	sum := sha256.Sum256(family[:])
	sid := base64.RawURLEncoding.EncodeToString(sum[:16])
	if session.SID != sid || family.SID() != sid || strings.Contains(fmt.Sprint(family), hex.EncodeToString(family[:])) {
		t.Errorf("sid %s, want %s", session.SID, sid)
	}
	record, err := h.Redis.Get(t.Context(), "signet:s:"+sid).Result()
	if err != nil {
		t.Fatal(err)
	}
	body := be(1800000000123, 6) + be(1700000000, 6) + `["login","user:alice","","","","https://api.example.com"]`
	seal := hmacOf(hmacOf(secret, "session seal"), "1 "+sid+" 1800010800123 "+body)
	want := head('a', 1) + string(seal) + body
	if record != want {
		t.Errorf("record\n%q, want\n%q", record, want)
	}
	if at, err := h.Redis.PExpireTime(t.Context(), "signet:s:"+sid).Result(); err == nil && at.Milliseconds() != 1800003600123 {
		t.Errorf("the key ends at %d", at.Milliseconds())
	}
}

// head of a record of that moment, before its first refresh.
func head(status byte, generation uint64) string {
	return "1" + string(status) + be(generation, 4) + be(1, 2) + strings.Repeat("\x00", 16) +
		be(1800000000123, 6) + be(1800003600123, 6) + be(1800010800123, 6) + be(0, 1) + be(1, 2)
}

// be is a number in big-endian bytes.
func be(n uint64, width int) string {
	return string(binary.BigEndian.AppendUint64(nil, n)[8-width:])
}

func TestNewFamily(t *testing.T) {
	t.Parallel()
	if f, err := refresh.NewFamily(strings.NewReader("0123456789abcdef")); err != nil || f != refresh.Family([]byte("0123456789abcdef")) {
		t.Errorf("family %x, %v", f[:], err)
	}
	broken := errors.New("no entropy")
	if _, err := refresh.NewFamily(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	if _, err := refresh.NewFamily(strings.NewReader("short")); err == nil {
		t.Error("half a family was taken for one")
	}
}

// TestOneTextOneToken: base64 decoders forgive spare bits and newlines, so many
// texts would decode to one token. Only one is accepted.
func TestOneTextOneToken(t *testing.T) {
	t.Parallel()
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	rapid.Check(t, func(t *rapid.T) {
		raw := append([]byte{1}, rapid.SliceOfN(rapid.Byte(), 54, 54).Draw(t, "raw")...)
		token := "sgr_" + base64.RawURLEncoding.EncodeToString(raw)
		if again, ok := refresh.Reparse(token); !ok || again != token {
			t.Fatalf("%q was not accepted", token)
		}
		accepted := 0
		for _, c := range alphabet {
			if _, ok := refresh.Reparse(token[:77] + string(c)); ok {
				accepted++
			}
		}
		if accepted != 4 { // 440 bits are 73 characters and 2 bits of the last
			t.Fatalf("%d last characters accepted, want 4", accepted)
		}
	})
}

func FuzzParseToken(f *testing.F) {
	f.Add("sgr_" + strings.Repeat("A", 74))
	f.Add("sgr_AQ" + strings.Repeat("A", 72))
	f.Add("sgr_AQ" + strings.Repeat("A", 71) + "B")
	f.Add("sgr_AQ" + strings.Repeat("A", 60) + "\n\n" + strings.Repeat("A", 10))
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		if again, ok := refresh.Reparse(token); ok && (again != token || len(token) != refresh.TokenLength) {
			t.Errorf("%q was accepted as %q", token, again)
		}
	})
}

func FuzzParseRecord(f *testing.F) {
	f.Add(head('a', 1))
	f.Add(head('a', 1) + strings.Repeat("s", 32) + "{}")
	f.Add(head('r', 0))
	f.Add(head('a', math.MaxUint32) + strings.Repeat("s", 33))
	f.Add("1a" + strings.Repeat("\xff", 80))
	f.Fuzz(func(t *testing.T, text string) {
		if again, revoked, ok := refresh.Rerecord(text); ok && !revoked && again != text {
			t.Errorf("%q was read as %q", text, again)
		}
	})
}
