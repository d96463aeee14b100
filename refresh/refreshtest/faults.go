package refreshtest

import (
	"context"
	"io"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"signet/refresh"
)

var faultTests = map[string]func(*fixture){
	"CommitSentTwice":                 commitSentTwice,
	"CommitAnswerLost":                commitAnswerLost,
	"CommitAnswerLostTwice":           commitAnswerLostTwice,
	"CommitOutlivesTheCaller":         commitOutlivesTheCaller,
	"CommitNotBegunForAGoneCaller":    commitNotBegun,
	"CommitStuckInTheNetwork":         commitStuck,
	"CommitTooLateIsNothing":          commitTooLate,
	"RevocationOutlivesTheAttacker":   revocationOutlives,
	"RevocationFailsAndIsReported":    revocationFails,
	"RevocationAnswerLostIsReported":  revocationAnswerLost,
	"CreateSentTwice":                 createSentTwice,
	"RedisErrorsAreUnavailable":       redisErrors,
	"ScriptsComeBackAfterScriptFlush": scriptFlush,
}

// twice executes a call two times, as a client that resends it does.
func twice(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
	if err := next(ctx, cmd); err != nil {
		return err
	}
	return next(ctx, cmd)
}

func commitSentTwice(f *fixture) {
	f.configure(func(c *refresh.Config) { c.Grace = 0 })
	token, _ := f.create()
	f.hooks.step("commit", twice)
	for generation := uint32(2); generation < 6; generation++ {
		next, session := f.mustRefresh(token)
		if session.Generation != generation {
			f.t.Fatalf("generation %d, want %d", session.Generation, generation)
		}
		token = next
	}
	f.wantEvents()
}

// commitAnswerLost: the first sending was executed, and its answer cut off.
func commitAnswerLost(f *fixture) {
	f.configure(func(c *refresh.Config) { c.Grace = 0 })
	token, _ := f.create()
	var calls atomic.Int32
	f.hooks.step("commit", func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		if calls.Add(1) == 1 {
			return lose(ctx, cmd, next)
		}
		return next(ctx, cmd)
	})
	next, session := f.mustRefresh(token)
	if session.Generation != 2 || calls.Load() < 2 {
		f.t.Fatalf("generation %d after %d calls", session.Generation, calls.Load())
	}
	f.mustRefresh(next)
	f.wantEvents()
}

func commitAnswerLostTwice(f *fixture) {
	token, session := f.create()
	f.hooks.step("commit", lose)
	_, _, err := f.refresh(token)
	f.wantUnavailable(err)
	f.hooks.pass()
	if generation := f.save(f.t, session.SID)[2:6]; generation != "\x00\x00\x00\x02" {
		f.t.Fatalf("generation %q: nothing was executed, so nothing was lost", generation)
	}
	next, retried := f.mustRefresh(token)
	if retried.Generation != 2 {
		f.t.Fatalf("generation %d", retried.Generation)
	}
	f.wantEvents(refresh.EventGrace)
	f.mustRefresh(next)
}

func commitOutlivesTheCaller(f *fixture) {
	token, _ := f.create()
	a, err := f.store.Check(f.ctx(), token, client, "")
	if err != nil {
		f.t.Fatalf("checking: %v", err)
	}
	ctx, cancel := context.WithCancel(f.ctx())
	f.hooks.step("commit", func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		cancel()
		return next(ctx, cmd)
	})
	if _, _, err = f.store.Commit(ctx, a); err != nil {
		f.t.Fatalf("committing: %v", err)
	}
}

func commitNotBegun(f *fixture) {
	token, session := f.create()
	a, err := f.store.Check(f.ctx(), token, client, "")
	if err != nil {
		f.t.Fatalf("checking: %v", err)
	}
	before := f.save(f.t, session.SID)
	ctx, cancel := context.WithCancel(f.ctx())
	cancel()
	_, _, err = f.store.Commit(ctx, a)
	f.wantUnavailable(err)
	if f.save(f.t, session.SID) != before {
		f.t.Fatalf("a caller who was gone before the commit rotated")
	}
}

// commitStuck: a copy of a commit arrives when its client is generations
// further. It must not pass for a reuse.
func commitStuck(f *fixture) {
	token, session := f.create()
	var copies [][]any
	f.hooks.step("commit", func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		copies = append(copies, cmd.Args())
		return next(ctx, cmd)
	})
	for range 4 {
		token, _ = f.mustRefresh(token)
	}
	f.hooks.pass()
	before := f.save(f.t, session.SID)
	for _, args := range copies {
		if err := f.h.Redis.Do(f.ctx(), args...).Err(); err != nil && !redis.HasErrorPrefix(err, "NOSCRIPT") {
			f.t.Fatalf("executing a copy: %v", err)
		}
	}
	// The one before the last is in its grace, and counted there; it harms nobody.
	if after := f.save(f.t, session.SID); after[:24] != before[:24] {
		f.t.Fatalf("copies of old commits changed the record:\n%.45q\n%.45q", before, after)
	}
	f.wantActive(session.SID, true)
	f.mustRefresh(token)
	f.wantEvents()
}

func commitTooLate(f *fixture) {
	standing := time.Now()
	f.configure(func(c *refresh.Config) {
		c.Timeout, c.Now = f.h.Grace/2, func() time.Time { return standing }
	})
	token, session := f.create()
	a, err := f.store.Check(f.ctx(), token, client, "")
	if err != nil {
		f.t.Fatalf("checking: %v", err)
	}
	before := f.save(f.t, session.SID)
	f.h.Advance(f.h.Grace)
	_, _, err = f.store.Commit(f.ctx(), a)
	f.wantUnavailable(err)
	if f.save(f.t, session.SID) != before {
		f.t.Fatalf("a commit that came too late rotated")
	}
}

func revocationOutlives(f *fixture) {
	tokens, session := f.chain(4)
	ctx, cancel := context.WithCancel(f.ctx())
	f.hooks.step("check", func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		defer cancel()
		return next(ctx, cmd)
	})
	_, err := f.store.Check(ctx, tokens[0], client, "")
	f.wantCause(err, refresh.CauseReuse)
	f.wantActive(session.SID, false)
}

func revocationFails(f *fixture) {
	tokens, session := f.chain(4)
	f.hooks.step("end", func(_ context.Context, cmd redis.Cmder, _ redis.ProcessHook) error {
		cmd.SetErr(io.EOF)
		return io.EOF
	})
	_, err := f.store.Check(f.ctx(), tokens[0], client, "")
	f.wantUnavailable(err)
	f.wantEvents(refresh.EventReuse)
	f.hooks.pass()
	f.refused(tokens[0], refresh.CauseReuse)
	f.wantActive(session.SID, false)
}

func createSentTwice(f *fixture) {
	f.hooks.step("", twice)
	token, _ := f.create()
	f.mustRefresh(token)
}

// redisErrors: whatever Redis says, it is neither a token nor a refusal.
func redisErrors(f *fixture) {
	token, session := f.create()
	a, err := f.store.Check(f.ctx(), token, client, "")
	if err != nil {
		f.t.Fatalf("checking: %v", err)
	}
	for _, text := range []string{
		"OOM command not allowed when used memory > 'maxmemory'.", "READONLY You can't write against a read only replica.",
		"NOREPLICAS Not enough good replicas to write.", "LOADING Redis is loading the dataset in memory", "NOPERM no permission", "ERR what",
	} {
		var calls atomic.Int32
		f.hooks.step("", func(_ context.Context, cmd redis.Cmder, _ redis.ProcessHook) error {
			calls.Add(1)
			cmd.SetErr(reply(text))
			return reply(text)
		})
		_, _, err := f.refresh(token)
		f.wantUnavailable(err)
		calls.Store(0)
		_, _, err = f.store.Commit(f.ctx(), a)
		f.wantUnavailable(err)
		if calls.Load() != 1 {
			f.t.Fatalf("%s: sent %d times", text, calls.Load())
		}
		_, err = f.store.RevokeToken(f.ctx(), token, client)
		f.wantUnavailable(err)
		_, err = f.store.Revoke(f.ctx(), session.SID, "")
		f.wantUnavailable(err)
		_, _, err = f.store.Create(f.ctx(), refresh.Family{3}, newSession())
		f.wantUnavailable(err)
	}
	f.hooks.pass()
	f.mustRefresh(token)
	f.wantEvents()
}

// reply is an error that the server answered.
type reply string

func (r reply) Error() string { return string(r) }

// RedisError fits redis.Error.
func (reply) RedisError() {}

func scriptFlush(f *fixture) {
	token, _ := f.create()
	for range 3 {
		if err := f.h.Redis.ScriptFlush(f.ctx()).Err(); err != nil {
			f.t.Fatalf("flushing the scripts: %v", err)
		}
		token, _ = f.mustRefresh(token)
	}
}

// revocationAnswerLost: Redis has revoked, and the answer was cut off. Nobody
// else has reported the reuse.
func revocationAnswerLost(f *fixture) {
	tokens, session := f.chain(4)
	var calls atomic.Int32
	f.hooks.step("end", func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		if calls.Add(1) == 1 {
			return lose(ctx, cmd, next)
		}
		return next(ctx, cmd)
	})
	f.refused(tokens[0], refresh.CauseReuse)
	f.wantEvents(refresh.EventReuse)
	f.wantActive(session.SID, false)
}
