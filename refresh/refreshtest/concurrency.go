package refreshtest

import (
	"errors"
	"sync"

	"signet/refresh"
)

var concurrencyTests = map[string]func(*fixture){
	"ConcurrentRefreshesShareOneSuccessor": concurrentRefreshes,
	"ConcurrentRefreshesStrict":            concurrentStrict,
	"ConcurrentReplaysAreOneReuse":         concurrentReplays,
	"RefreshAgainstRevoke":                 refreshAgainstRevoke,
}

const callers = 64

type result struct {
	token string
	err   error
}

// together runs n calls at once.
func together(n int, call func() (string, error)) []result {
	results := make([]result, n)
	var gate, done sync.WaitGroup
	gate.Add(1)
	for i := range n {
		done.Go(func() {
			gate.Wait()
			results[i].token, results[i].err = call()
		})
	}
	gate.Done()
	done.Wait()
	return results
}

func causeOf(err error) refresh.Cause {
	if reason, ok := errors.AsType[*refresh.Reason](err); ok {
		return reason.Cause
	}
	return ""
}

func concurrentRefreshes(f *fixture) {
	token, session := f.create()
	for round := range 2 { // two generations in a row may need the grace, each counts once
		successors := map[string]int{}
		for _, r := range together(callers, func() (string, error) {
			next, _, err := f.refresh(token)
			return next, err
		}) {
			if r.err != nil {
				f.t.Fatalf("round %d: %v", round, r.err)
			}
			successors[r.token]++
		}
		if len(successors) != 1 {
			f.t.Fatalf("%d successors", len(successors))
		}
		for next := range successors {
			token = next
		}
	}
	next, last := f.mustRefresh(token)
	if last.Generation != 4 {
		f.t.Fatalf("generation %d after 2 rounds and one refresh, want 4", last.Generation)
	}
	f.wantActive(session.SID, true)
	f.mustRefresh(next)
}

// concurrentStrict: with grace 0 the second of two is a reuse, and the session
// ends; nobody but the first has got a token.
func concurrentStrict(f *fixture) {
	f.configure(func(c *refresh.Config) { c.Grace = 0 })
	token, session := f.create()
	won := 0
	for _, r := range together(callers, func() (string, error) {
		next, _, err := f.refresh(token)
		return next, err
	}) {
		switch cause := causeOf(r.err); {
		case r.err == nil:
			won++
		case cause != refresh.CauseReuse && cause != refresh.CauseRevoked:
			f.t.Fatalf("error %v, want a clean refusal", r.err)
		}
	}
	if won != 1 {
		f.t.Fatalf("%d of %d got a token, want 1", won, callers)
	}
	f.wantEvents(refresh.EventReuse)
	f.wantActive(session.SID, false)
}

func concurrentReplays(f *fixture) {
	tokens, session := f.chain(4)
	for _, r := range together(callers, func() (string, error) {
		next, _, err := f.refresh(tokens[0])
		return next, err
	}) {
		if !errors.Is(r.err, refresh.ErrInvalid) {
			f.t.Fatalf("error %v, want ErrInvalid", r.err)
		}
	}
	f.wantEvents(refresh.EventReuse)
	f.wantActive(session.SID, false)
}

// refreshAgainstRevoke: after a revocation was acknowledged, no token of the
// session is of use, also none that was answered meanwhile.
func refreshAgainstRevoke(f *fixture) {
	for range 100 {
		token, session := f.create()
		var newest string
		var wait sync.WaitGroup
		started := make(chan struct{})
		wait.Go(func() {
			close(started)
			newest = token
			for {
				next, _, err := f.refresh(newest)
				if err != nil {
					if !errors.Is(err, refresh.ErrInvalid) {
						f.t.Errorf("refreshing against a revocation: %v", err)
					}
					return
				}
				newest = next
			}
		})
		<-started
		if _, err := f.store.RevokeToken(f.ctx(), token, client); err != nil {
			f.t.Fatalf("revoking: %v", err)
		}
		f.wantActive(session.SID, false)
		wait.Wait()
		f.refused(newest, refresh.CauseRevoked)
		f.refused(token, refresh.CauseRevoked)
	}
	f.wantEvents()
}
