package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"signet/refresh"
)

// footprints adds up what one session holds: its record, and its share of both
// indexes. Refreshes must not let it grow.
func (b *sessionBench) footprints(ctx context.Context) error {
	client, err := b.share(ctx, indexOfClient(aClient))
	if err != nil {
		return err
	}
	alone, err := b.share(ctx, indexOfSubject(b.single(0)))
	if err != nil {
		return err
	}
	done, first, record := 0, 0.0, 0.0
	for _, n := range []int{1, 100, b.most} {
		b.while(func() {
			for ; done < n && err == nil; done++ {
				b.tokens[0], err = b.refresh(ctx, b.tokens[0], aClient)
			}
		}, func() string { return fmt.Sprintf("refreshing one session %d times", n) })
		if err != nil {
			return fmt.Errorf("refreshing: %w", err)
		}
		if record, err = b.memory(ctx, recordOf(b.sids[0])); err != nil {
			return err
		}
		if n == 1 {
			first = record
		}
		b.footprint(fmt.Sprintf("a session after refreshes: %d", n), record, alone, client)
	}
	b.figures = append(b.figures, size("growth since the first refresh", record-first).atMost(mostSessionGrowth))
	many, err := b.share(ctx, indexOfSubject(b.subject(0)))
	if err != nil {
		return err
	}
	b.footprint(fmt.Sprintf("a session of a subject with %d", crowd), record, many, client)
	return nil
}

func (b *sessionBench) footprint(name string, record, subject, client float64) {
	f := size(name, record+subject+client).atMost(mostSessionBytes)
	f.Note = fmt.Sprintf("record %.0f, index by subject %.0f, by client %.0f", record, subject, client)
	b.figures = append(b.figures, f)
}

// lists reads pages of the default size.
func (b *sessionBench) lists(ctx context.Context) error {
	for _, c := range []struct {
		name  string
		tries int
		owner func(try int) refresh.Owner
		all   bool
	}{
		{"list a subject with 1 session", b.samples(), func(i int) refresh.Owner { return refresh.Owner{Subject: b.single(i)} }, true},
		{fmt.Sprintf("list a subject with %d: first page", crowd), 10 * b.crowds, b.crowded, false},
		{fmt.Sprintf("list a subject with %d: all pages", crowd), 3 * b.crowds, b.crowded, true},
		{fmt.Sprintf("list the client with %d: first page", b.n), 100, func(int) refresh.Owner { return refresh.Owner{ClientID: aClient} }, false},
	} {
		f, err := timed(ctx, c.name, c.tries, func(ctx context.Context, i int) error { return b.list(ctx, c.owner(i), c.all) })
		if err != nil {
			return err
		}
		b.figures = append(b.figures, f)
	}
	return nil
}

func (b *sessionBench) crowded(try int) refresh.Owner {
	return refresh.Owner{Subject: b.subject(try % b.crowds)}
}

func (b *sessionBench) list(ctx context.Context, o refresh.Owner, all bool) error {
	r := refresh.ListRequest{Owner: o}
	for n := 0; ; {
		sessions, next, err := b.store.List(ctx, r)
		if err != nil {
			return err
		}
		n += len(sessions)
		if n == 0 {
			return fmt.Errorf("no session of %+v is listed", o)
		}
		if !all || next == "" {
			return nil
		}
		r.Cursor = next
	}
}

func (b *sessionBench) refreshes(ctx context.Context) error {
	f, err := timed(ctx, "refresh (Check and Commit)", b.samples(), b.refreshSample)
	b.figures = append(b.figures, f)
	return err
}

func (b *sessionBench) refreshSample(ctx context.Context, i int) (err error) {
	b.tokens[i], err = b.refresh(ctx, b.tokens[i], aClient)
	return err
}

// logouts end half of the sample: the client's end has to find some.
func (b *sessionBench) logouts(ctx context.Context) error {
	one, err := timed(ctx, "log out a subject with 1 session", b.samples()/2, func(ctx context.Context, i int) error {
		return b.logout(ctx, b.single(i), 1)
	})
	if err != nil {
		return err
	}
	many, err := timed(ctx, fmt.Sprintf("log out a subject with %d", crowd), b.crowds, func(ctx context.Context, i int) error {
		return b.logout(ctx, b.subject(i), crowd)
	})
	b.figures = append(b.figures, one, many)
	return err
}

func (b *sessionBench) logout(ctx context.Context, subject string, want int) error {
	n, err := b.store.RevokeAll(ctx, refresh.Owner{Subject: subject})
	if err == nil && n != want {
		err = fmt.Errorf("%s had %d sessions, want %d", subject, n, want)
	}
	return err
}

// ends revokes the client: first as a request does, which the deadline stops,
// then to the end.
func (b *sessionBench) ends(ctx context.Context) error {
	const deadline = 3 * time.Second
	if err := b.end(ctx, fmt.Sprintf("revoke the client, request's deadline %s", deadline), func(ctx context.Context) (int, error) {
		ctx, cancel := context.WithTimeout(ctx, deadline)
		defer cancel()
		return b.served.RevokeAll(ctx, refresh.Owner{ClientID: aClient})
	}); err != nil {
		return err
	}
	return b.end(ctx, "revoke the client, no deadline", func(ctx context.Context) (int, error) {
		return b.store.RevokeAll(ctx, refresh.Owner{ClientID: aClient})
	})
}

// over wants a session of the client refused.
func (b *sessionBench) over(ctx context.Context) error {
	if _, err := b.refresh(ctx, b.tokens[len(b.tokens)-1], aClient); !errors.Is(err, refresh.ErrInvalid) {
		return fmt.Errorf("a session of the client that was revoked was refreshed, or it failed otherwise: %v", err) //nolint:errorlint // there may be none
	}
	return nil
}

// end revokes the client while another client's session is refreshed. That
// `signet serve` gives up on a busy machine is a finding, and not the end.
func (b *sessionBench) end(ctx context.Context, name string, revoke func(context.Context) (int, error)) error {
	before, err := b.left(ctx)
	if err != nil {
		return err
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	var took []time.Duration
	var besideErr error
	go func() {
		defer close(stopped)
		took, besideErr = b.beside(ctx, stop)
	}()
	var n int
	var gaveUp error
	f, err := b.watched(ctx, name, func(ctx context.Context) error {
		if n, err = revoke(ctx); errors.Is(err, refresh.ErrUnavailable) && ctx.Err() == nil {
			gaveUp, err = err, nil
		}
		return err
	})
	close(stop)
	<-stopped
	if err := errors.Join(err, besideErr); err != nil {
		return err
	}
	if gaveUp == nil {
		if err := b.over(ctx); err != nil {
			return err
		}
	}
	after, err := b.left(ctx)
	if err != nil {
		return err
	}
	f.Note = fmt.Sprintf("says %d; %d of %d entries done one by one", n, before-after, before)
	if gaveUp != nil {
		f.Note += "; gave up: " + gaveUp.Error()
	}
	b.figures = append(b.figures, f, times("  a refresh of another client beside it", took))
	return nil
}

// left counts the client's index.
func (b *sessionBench) left(ctx context.Context) (int64, error) {
	n, err := b.redis.ZCard(ctx, indexOfClient(aClient)).Result()
	if err != nil {
		return 0, fmt.Errorf("counting the client's sessions: %w", err)
	}
	return n, nil
}

// watched is timed for one try that may take minutes.
func (b *sessionBench) watched(ctx context.Context, name string, try func(context.Context) error) (f figure, err error) {
	b.while(func() {
		f, err = timed(ctx, name, 1, func(ctx context.Context, _ int) error { return try(ctx) })
	}, func() string {
		n, err := b.left(ctx)
		if err != nil {
			return name + ": " + err.Error()
		}
		return fmt.Sprintf("%s: %d sessions left in the index", name, n)
	})
	return f, err
}

// beside refreshes a session of another client until it is told to stop.
func (b *sessionBench) beside(ctx context.Context, stop <-chan struct{}) ([]time.Duration, error) {
	token, _, err := b.login(ctx, otherClient, "user:"+otherClient)
	if err != nil {
		return nil, fmt.Errorf("logging in: %w", err)
	}
	var took []time.Duration
	for {
		select {
		case <-stop:
			return took, nil
		default:
		}
		began := time.Now()
		if token, err = b.refresh(ctx, token, otherClient); err != nil {
			return nil, fmt.Errorf("refreshing beside a revocation: %w", err)
		}
		took = append(took, time.Since(began))
	}
}
