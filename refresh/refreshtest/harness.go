package refreshtest

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"signet/refresh"
)

// Harness is a Redis for one test. The server may be shared with others, the
// client not: the suite hooks into it.
type Harness struct {
	Redis redis.UniversalClient
	// Advance lets time pass on the server.
	Advance func(time.Duration)
	// Now is the clock of the store's own machine, which passes alike; nil means
	// time.Now.
	Now func() time.Time
	// Grace for the tests that wait until it is over. Idle and absolute ends are
	// a few times as long.
	Grace time.Duration
	// Instant says that Advance only sets a clock, which otherwise stands still.
	Instant bool
	// Memory says that the server knows MEMORY USAGE.
	Memory bool
}

// Run holds a Redis to every promise. open is called once a test.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	t.Helper()
	for _, group := range []map[string]func(*fixture){
		tableTests, graceTests, rollbackTests, concurrencyTests, expiryTests, keyTests, tamperTests, secrecyTests,
		faultTests, revokeTests, indexTests, listTests, notBeforeTests, modelTests,
	} {
		for name, test := range group {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(newFixture(t, open(t)))
			})
		}
	}
}

const (
	client  = "login"
	subject = "user:alice"
	forever = time.Hour // a grace that no test outlives
)

// tb is the part of testing.TB that rapid's histories have too.
type tb interface {
	Helper()
	Fatalf(format string, args ...any)
	Context() context.Context
}

type fixture struct {
	t     *testing.T
	h     Harness
	keys  *Keys
	hooks *hooks
	store *refresh.Store

	mu     sync.Mutex
	events []refresh.Event
}

func newFixture(t *testing.T, h Harness) *fixture {
	t.Helper()
	f := &fixture{t: t, h: h, keys: NewKeys(), hooks: &hooks{}}
	h.Redis.AddHook(f.hooks)
	f.configure(func(*refresh.Config) {})
	return f
}

// configure replaces the store by one of other settings, on the same Redis.
func (f *fixture) configure(change func(*refresh.Config)) {
	c := refresh.Config{
		Redis: f.h.Redis, Keys: f.keys, Grace: forever, Idle: 24 * time.Hour, Absolute: 72 * time.Hour,
		TombstoneTTL: time.Hour, Timeout: 10 * time.Second, Now: f.h.Now,
		Logger: slog.New(slog.DiscardHandler),
		Events: func(e refresh.Event) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.events = append(f.events, e)
		},
	}
	change(&c)
	f.store = refresh.New(c)
}

func (f *fixture) ctx() context.Context { return f.t.Context() }

// kinds gives the events since the last call.
func (f *fixture) kinds() []refresh.EventKind {
	f.mu.Lock()
	defer f.mu.Unlock()
	kinds := make([]refresh.EventKind, len(f.events))
	for i, e := range f.events {
		kinds[i] = e.Kind
	}
	f.events = nil
	return kinds
}

func (f *fixture) wantEvents(want ...refresh.EventKind) {
	f.t.Helper()
	if got := f.kinds(); !slices.Equal(got, want) {
		f.t.Fatalf("events %v, want %v", got, want)
	}
}

func newSession() refresh.Session {
	return refresh.Session{
		ClientID: client, Subject: subject, Scope: "profile", Audience: []string{"https://api.example.com"},
		Label: "Firefox on Linux", AuthTime: time.Unix(1_700_000_000, 0).UTC(),
	}
}

func (f *fixture) create() (string, refresh.Session) {
	f.t.Helper()
	return f.createAs(f.t, newSession())
}

func (f *fixture) createAs(t tb, session refresh.Session) (string, refresh.Session) {
	t.Helper()
	family, err := refresh.NewFamily(rand.Reader)
	if err != nil {
		t.Fatalf("%v", err)
	}
	token, stored, err := f.store.Create(t.Context(), family, session)
	if err != nil {
		t.Fatalf("creating a session: %v", err)
	}
	return token, stored
}

// refresh is one whole refresh by the session's own client.
func (f *fixture) refresh(token string) (string, refresh.Session, error) {
	return f.refreshAs(f.t.Context(), token, client)
}

func (f *fixture) refreshAs(ctx context.Context, token, clientID string) (string, refresh.Session, error) {
	a, err := f.store.Check(ctx, token, clientID, "")
	if err != nil {
		return "", refresh.Session{}, err
	}
	return f.store.Commit(ctx, a)
}

func (f *fixture) mustRefresh(token string) (string, refresh.Session) {
	f.t.Helper()
	next, session, err := f.refresh(token)
	if err != nil {
		f.t.Fatalf("refreshing: %v", err)
	}
	return next, session
}

// chain gives the tokens of generations 1 to n.
func (f *fixture) chain(n int) ([]string, refresh.Session) {
	f.t.Helper()
	token, session := f.create()
	tokens := []string{token}
	for len(tokens) < n {
		token, session = f.mustRefresh(token)
		tokens = append(tokens, token)
	}
	return tokens, session
}

func (f *fixture) wantCause(err error, cause refresh.Cause) {
	f.t.Helper()
	var reason *refresh.Reason
	if !errors.As(err, &reason) || reason.Cause != cause || !errors.Is(err, refresh.ErrInvalid) {
		f.t.Fatalf("error %v, want an ErrInvalid because of %s", err, cause)
	}
	if errors.Is(err, refresh.ErrReuse) != (cause == refresh.CauseReuse) {
		f.t.Fatalf("error %v is a reuse or not, against its cause", err)
	}
}

// refused presents a token and wants it refused for a cause.
func (f *fixture) refused(token string, cause refresh.Cause) {
	f.t.Helper()
	_, _, err := f.refresh(token)
	f.wantCause(err, cause)
}

func (f *fixture) wantUnavailable(err error) {
	f.t.Helper()
	if !errors.Is(err, refresh.ErrUnavailable) || errors.Is(err, refresh.ErrInvalid) {
		f.t.Fatalf("error %v, want ErrUnavailable", err)
	}
}

func (f *fixture) wantActive(sid string, want bool) {
	f.t.Helper()
	denied, err := f.store.Denied(f.ctx(), refresh.AccessToken{SID: sid, Subject: subject, ClientID: client})
	if err != nil || denied == want {
		f.t.Fatalf("denied %v, %v; want active %v", denied, err, want)
	}
}

func (f *fixture) wantDenied(t refresh.AccessToken, want bool) {
	f.t.Helper()
	got, err := f.store.Denied(f.ctx(), t)
	if err != nil || got != want {
		f.t.Fatalf("denied %v, %v; want %v", got, err, want)
	}
}

func recordKey(sid string) string { return "signet:s:" + sid }

// save and load are somebody with the right to write Redis, or a failover.
func (f *fixture) save(t tb, sid string) string {
	t.Helper()
	text, err := f.h.Redis.Get(t.Context(), recordKey(sid)).Result()
	if err != nil {
		t.Fatalf("reading the record: %v", err)
	}
	return text
}

func (f *fixture) load(t tb, sid, record string) {
	t.Helper()
	if err := f.h.Redis.Set(t.Context(), recordKey(sid), record, forever).Err(); err != nil {
		t.Fatalf("writing the record: %v", err)
	}
}

// hooks count what goes to Redis and let a test step in.
type hooks struct {
	mu       sync.Mutex
	commands int
	around   func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error
	fails    func(redis.Cmder) bool
}

func (h *hooks) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.commands
}

// step lets f handle the next calls of one mode of the protocol script, or of
// any script if mode is empty. f is not called for its own calls.
func (h *hooks) step(mode string, f func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.around = func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		if name := cmd.Name(); name != "evalsha" && name != "eval" || mode != "" && modeOf(cmd) != mode {
			return next(ctx, cmd)
		}
		return f(ctx, cmd, next)
	}
}

// failPipelines lets those fail that hold such a command; nil lets all go on.
func (h *hooks) failPipelines(fails func(redis.Cmder) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fails = fails
}

func (h *hooks) pass() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.around = nil
}

// modeOf a call EVALSHA digest 1 key mode ...
func modeOf(cmd redis.Cmder) string {
	if args := cmd.Args(); len(args) > 4 {
		mode, _ := args[4].(string) // not a string is not a mode
		return mode
	}
	return ""
}

func (*hooks) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h *hooks) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		h.mu.Lock()
		h.commands++
		around := h.around
		h.mu.Unlock()
		if around == nil {
			return next(ctx, cmd)
		}
		return around(ctx, cmd, next)
	}
}

func (h *hooks) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		h.mu.Lock()
		h.commands += len(cmds)
		fails := h.fails
		h.mu.Unlock()
		if fails != nil && slices.ContainsFunc(cmds, fails) {
			for _, cmd := range cmds {
				cmd.SetErr(context.DeadlineExceeded)
			}
			return context.DeadlineExceeded
		}
		return next(ctx, cmds)
	}
}

// lose executes a call and loses its answer.
func lose(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
	if err := next(ctx, cmd); err != nil && redis.HasErrorPrefix(err, "NOSCRIPT") {
		return err
	}
	cmd.SetErr(io.EOF)
	return io.EOF
}
