package issuer

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"signet/clients"
)

// ErrPanic is wrapped by the Err of a request of a list that met a bug of ours, with
// the stack in its text, for the log only. A token that a bug keeps from its caller
// is on record as withheld for it.
var ErrPanic = errors.New("panic")

// List is what IssueList is asked for. Its functions are called from several
// goroutines, each at most once for one n, so that reading a request and writing
// an answer go on beside the signing of others.
type List struct {
	Len int
	// Request reads the nth request, counted from 0. Its error is the result of
	// that request, as it is.
	Request func(n int) (IssueRequest, error)
	// Made, unless nil, is told the nth answer as soon as it is signed. Only the
	// result of IssueList says whether it is handed out.
	Made func(n int, r *Response)
}

// IssueResult is what one request of a list ended with: one of the two is nil.
type IssueResult struct {
	Response *Response
	// Err is an *Error, or List.Request's.
	Err error
}

// IssueList is Issue for many requests of one client. Each succeeds or fails
// alone, and the results are in the order of the requests. At most
// Config.ListWidth are being made at once, so a list never has more than so many
// waiting for a signature. When ctx's deadline passes, what is not made yet
// fails as unavailable, and what is made is answered.
//
// The error is about the list as a whole: the client may not issue, or has gone
// away. Then nothing is handed out, and each token that was signed is recorded as
// withheld.
func (i *Issuer) IssueList(ctx context.Context, client *clients.Client, list List) ([]IssueResult, error) {
	if err := needs(client, clients.GrantIssue); err != nil {
		return nil, i.metrics.done(string(clients.GrantIssue), err)
	}
	all := i.makeAll(ctx, client, list)
	var gone error
	if errors.Is(ctx.Err(), context.Canceled) {
		gone = fmt.Errorf("the client is gone: %w", context.Cause(ctx))
	}
	results := make([]IssueResult, len(all))
	for n, one := range all {
		if one.made != nil && gone != nil {
			i.withheld(ctx, one.made.token, gone)
			one = attempted{err: gone}
		}
		if one.unread { // it never was a request: as one alone, it counts for nothing here
			results[n].Err = one.err
			continue
		}
		results[n].Response, results[n].Err = i.done(clients.GrantIssue, one.made, one.err)
	}
	if gone != nil {
		return nil, asError(gone)
	}
	return results, nil
}

// attempted is a request of a list after it was tried.
type attempted struct {
	made   *made
	err    error
	unread bool // the error is List.Request's
}

// makeAll tries every request, Config.ListWidth at once.
func (i *Issuer) makeAll(ctx context.Context, client *clients.Client, list List) []attempted {
	all := make([]attempted, list.Len)
	var begun atomic.Int64
	var workers sync.WaitGroup
	for range min(list.Len, i.cfg.ListWidth) {
		workers.Go(func() {
			for n := int(begun.Add(1) - 1); n < list.Len; n = int(begun.Add(1) - 1) {
				all[n] = i.attempt(ctx, client, list, n)
			}
		})
	}
	workers.Wait()
	return all
}

// attempt is the nth request, but for a panic: in a goroutine of ours it would end
// the process, and here it ends one request of the list.
func (i *Issuer) attempt(ctx context.Context, client *clients.Client, list List, n int) (a attempted) {
	defer func() {
		if p := recover(); p != nil {
			a.err, a.unread = fmt.Errorf("%w: %v\n%s", ErrPanic, p, debug.Stack()), false
			if a.made != nil { // by Made
				i.withheld(ctx, a.made.token, ErrPanic)
				a.made = nil
			}
		}
	}()
	r, err := list.Request(n)
	if err != nil {
		return attempted{err: err, unread: true}
	}
	if a.made, a.err = i.issue(ctx, client, r); a.made != nil && list.Made != nil {
		list.Made(n, a.made.response)
	}
	return a
}
