package refresh_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"signet/internal/redistest"
	"signet/refresh"
	"signet/refresh/refreshtest"
)

// setBack moves the last rotation of a record into the past, as if the time
// had gone by. The seal does not cover it.
var setBack = redis.NewScript(`
local stored = redis.call('GET', KEYS[1])
local n = 0
for i = 25, 30 do n = n * 256 + string.byte(stored, i) end
n = n - tonumber(ARGV[1])
local rotated = ''
for _ = 1, 6 do
  rotated = string.char(n % 256) .. rotated
  n = math.floor(n / 256)
end
redis.call('SET', KEYS[1], string.sub(stored, 1, 24) .. rotated .. string.sub(stored, 31), 'KEEPTTL')
return 'done'`)

const replayGrace = 30 * time.Second

// thief replays tokens of other people's sessions.
type thief struct {
	t      *testing.T
	plain  *redis.Client
	stores []*refresh.Store
	events tally
}

func newThief(t *testing.T, addr string) *thief {
	t.Helper()
	th := &thief{t: t, plain: dial(t, addr)}
	keys := refreshtest.NewKeys()
	for range 3 {
		th.stores = append(th.stores, refresh.New(refresh.Config{
			Redis: dial(t, addr), Keys: keys, Grace: replayGrace, Timeout: 10 * time.Second,
			Events: th.events.note, Logger: slog.New(slog.DiscardHandler),
		}))
	}
	return th
}

// TestReplaysAfterTheGrace: each of many replays is found out, ends the session
// on every replica, and is reported once.
func TestReplaysAfterTheGrace(t *testing.T) {
	t.Parallel()
	addr, ok := redistest.Server(t)
	if !ok {
		return
	}
	replays := int64(atLength(2000, 10_000))
	th := newThief(t, addr)
	var next, found atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := next.Add(1); i <= replays; i = next.Add(1) {
				if err := th.replay(int(i)); err != nil {
					t.Errorf("replay %d: %v", i, err)
					return
				}
				found.Add(1)
			}
		})
	}
	all.Wait()
	if n := th.events.of("", refresh.EventReuse); found.Load() != replays || int64(n) != replays {
		t.Errorf("%d of %d replays were found out, and %d reported", found.Load(), replays, n)
	}
	t.Logf("%d of %d replays were found out", found.Load(), replays)
}

// replay uses a session two to four times and presents one of its used tokens
// after the grace.
func (th *thief) replay(i int) error {
	ctx := th.t.Context()
	token, session, err := createFor(ctx, th.stores[0], "user:"+rand.Text())
	if err != nil {
		return err
	}
	tokens := []string{token}
	for range 1 + i%3 {
		next, err := refreshOnce(th.t, th.stores[i%3], tokens[len(tokens)-1])
		if err != nil {
			return err
		}
		tokens = append(tokens, next)
	}
	if err := setBack.Run(ctx, th.plain, []string{keyRecord + session.SID}, replayGrace.Milliseconds()).Err(); err != nil {
		return fmt.Errorf("setting the record back: %w", err)
	}
	if _, err := refreshOnce(th.t, th.stores[(i+1)%3], tokens[i%(len(tokens)-1)]); !errors.Is(err, refresh.ErrReuse) {
		return fmt.Errorf("error %w, want ErrReuse", err)
	}
	_, err = refreshOnce(th.t, th.stores[(i+2)%3], tokens[len(tokens)-1])
	if reason, ok := errors.AsType[*refresh.Reason](err); !ok || reason.Cause != refresh.CauseRevoked {
		return fmt.Errorf("the newest token afterwards: %w, want it revoked", err)
	}
	if n := th.events.of(session.SID, refresh.EventReuse); n != 1 {
		return fmt.Errorf("reported %d times, want once", n)
	}
	return nil
}

// TestParallelRefreshes: 64 callers with one token at three replicas get one
// successor, however often that happens.
func TestParallelRefreshes(t *testing.T) {
	t.Parallel()
	addr, ok := redistest.Server(t)
	if !ok {
		return
	}
	const callers = 64
	th := newThief(t, addr)
	rounds := atLength(150, 1500)
	var token string
	var session refresh.Session
	for i := range rounds {
		if i%2 == 0 { // a third round in a row would be a reuse
			var err error
			if token, session, err = createFor(t.Context(), th.stores[0], "user:"+rand.Text()); err != nil {
				t.Fatal(err)
			}
		}
		answers, errs := make([]string, callers), make([]error, callers)
		var gate, all sync.WaitGroup
		gate.Add(1)
		for j := range callers {
			all.Go(func() {
				gate.Wait()
				answers[j], errs[j] = refreshOnce(t, th.stores[j%3], token)
			})
		}
		gate.Done()
		all.Wait()
		for j := range callers {
			if errs[j] != nil || answers[j] != answers[0] || generationOf(answers[j]) != uint32(2+i%2) {
				t.Fatalf("round %d of session %s: caller %d got generation %d, caller 0 %d; %v",
					i, session.SID, j, generationOf(answers[j]), generationOf(answers[0]), errs[j])
			}
		}
		token = answers[0]
	}
	if n := th.events.of("", refresh.EventReuse); n != 0 {
		t.Errorf("%d events of kind reuse", n)
	}
	t.Logf("%d rounds of %d callers, one successor each", rounds, callers)
}
