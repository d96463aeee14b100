package refresh_test

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"testing"

	"github.com/redis/go-redis/v9"

	"signet/refresh"
	"signet/refresh/refreshtest"
)

// hangsUp is a caller who hangs up while Redis answers the nth call of a script.
type hangsUp struct {
	n      int
	hangUp context.CancelFunc
}

func (*hangsUp) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h *hangsUp) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if (cmd.Name() == "evalsha" || cmd.Name() == "eval") && !redis.HasErrorPrefix(err, "NOSCRIPT") {
			if h.n--; h.n == 0 {
				h.hangUp()
				for range 1000 { // time for the caller to leave, if he would
					runtime.Gosched()
				}
			}
		}
		return err
	}
}

func (*hangsUp) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// hurried is a store for a caller whose context ends while the nth script is
// answered.
func hurried(t *testing.T, c refresh.Config, n int) (context.Context, *refresh.Store) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	client := dial(t, c.Redis.(*redis.Client).Options().Addr) //nolint:forcetypeassert // see openMini
	client.AddHook(&hangsUp{n: n, hangUp: cancel})
	c.Redis = client
	return ctx, refresh.New(c)
}

// TestThiefHangsUp: a reuse is seen and revokes although whoever presented the
// token hangs up before he has an answer.
func TestThiefHangsUp(t *testing.T) {
	t.Parallel()
	h := openMini(t)
	var events tally
	c := refresh.Config{Redis: h.Redis, Keys: refreshtest.NewKeys(), Now: h.Now, Logger: slog.New(slog.DiscardHandler), Events: events.note}
	store := refresh.New(c)
	stolen, session := mustCreate(t, store)
	token := stolen
	for range 2 {
		next, err := refreshOnce(t, store, token)
		if err != nil {
			t.Fatal(err)
		}
		token = next
	}
	ctx, thiefs := hurried(t, c, 1)
	if _, err := thiefs.Check(ctx, stolen, "login", ""); !errors.Is(err, refresh.ErrReuse) || ctx.Err() == nil {
		t.Errorf("told %v, want ErrReuse", err)
	}
	if _, err := store.Check(t.Context(), token, "login", ""); !errors.Is(err, refresh.ErrInvalid) {
		t.Errorf("the session goes on: %v", err)
	}
	if n := events.of(session.SID, refresh.EventReuse); n != 1 {
		t.Errorf("%d events of reuse", n)
	}
}

// TestLoginHangsUp: whoever hangs up while his session is stored is told that it is.
func TestLoginHangsUp(t *testing.T) {
	t.Parallel()
	h := openMini(t)
	const put = 3 // after both indexes
	ctx, store := hurried(t, refresh.Config{Redis: h.Redis, Keys: refreshtest.NewKeys(), Now: h.Now, Logger: slog.New(slog.DiscardHandler)}, put)
	if _, _, err := createFor(ctx, store, "user:alice"); err != nil || ctx.Err() == nil {
		t.Errorf("the session is stored, told %v", err)
	}
}

// TestAskerHangsUp: what was not asked is unknown, and never a no.
func TestAskerHangsUp(t *testing.T) {
	t.Parallel()
	h := openMini(t)
	c := refresh.Config{Redis: h.Redis, Keys: refreshtest.NewKeys(), Now: h.Now, Logger: slog.New(slog.DiscardHandler)}
	store := refresh.New(c)
	token, session := mustCreate(t, store)
	ctx, hurried := hurried(t, c, 1) // before its not-befores are asked for
	if a, err := hurried.Check(ctx, token, "login", ""); !errors.Is(err, refresh.ErrUnavailable) || ctx.Err() == nil {
		t.Errorf("checked %v, %v, want ErrUnavailable", a, err)
	}
	for _, sid := range []string{session.SID, ""} {
		asked := refresh.AccessToken{SID: sid, Subject: session.Subject, ClientID: session.ClientID, IssuedAt: h.Now()}
		if denied, err := store.Denied(ctx, asked); !errors.Is(err, refresh.ErrUnavailable) {
			t.Errorf("SID %q: denied %v, %v, want ErrUnavailable", sid, denied, err)
		}
	}
}
