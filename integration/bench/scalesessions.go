package main

import (
	"context"
	"io"
	"time"

	"signet/integration/bench/growth"
	"signet/refresh"
)

// fewestSessions is where the sizes begin, each ten times the one before.
const fewestSessions = 1000

// bySessions stores more and more sessions, each number in a Redis of its own.
func (b *scaleBench) bySessions(ctx context.Context, _ scaleSizes) error {
	axis := &growth.Axis{Name: "sessions", Note: "in a Redis of their own, all of one client; times are medians of single calls"}
	for n := fewestSessions; n <= b.sessions; n *= 10 {
		b.say("sessions: %d", n)
		if err := sessionsAt(ctx, axis, sessionConfig{Sessions: n}, b.progress); err != nil {
			return err
		}
	}
	b.done(axis)
	return nil
}

func sessionsAt(ctx context.Context, axis *growth.Axis, c sessionConfig, progress io.Writer) error {
	s, stop, err := newSessionBench(ctx, c, progress)
	if err != nil {
		return err
	}
	defer stop()
	if err := s.load(ctx); err != nil {
		return err
	}
	bytes := s.figures[0].Median // of all memory, over the sessions
	list, err := timed(ctx, "list a subject", s.samples(), func(ctx context.Context, i int) error {
		return s.list(ctx, refresh.Owner{Subject: s.single(i)}, true)
	})
	if err != nil {
		return err
	}
	page, err := timed(ctx, "list the client", 100, func(ctx context.Context, _ int) error { return s.list(ctx, refresh.Owner{ClientID: aClient}, false) })
	if err != nil {
		return err
	}
	before, err := redisDone(ctx, s.redis)
	if err != nil {
		return err
	}
	fresh, err := timed(ctx, "refresh", s.samples(), s.refreshSample)
	if err != nil {
		return err
	}
	after, err := redisDone(ctx, s.redis)
	if err != nil {
		return err
	}
	spent := after.since(before)
	logout, err := timed(ctx, "log out a subject", s.samples()/2, func(ctx context.Context, i int) error { return s.logout(ctx, s.single(i), 1) })
	if err != nil {
		return err
	}
	p := axis.At(c.Sessions)
	p.Flat("Redis, bytes a session", 1, bytes)
	p.Flat("list the sessions of a subject, ms", 0.01, milliseconds(time.Duration(list.Median)))
	p.Flat("first page of the client's, ms", 0.01, milliseconds(time.Duration(page.Median)))
	p.Flat("log out a subject, ms", 0.01, milliseconds(time.Duration(logout.Median)))
	p.Flat("refresh (Check and Commit), ms", 0.01, milliseconds(time.Duration(fresh.Median)))
	p.Flat("Redis, core-µs a refresh", cpuResolution, spent.cpu/float64(fresh.Tries))
	p.Flat("Redis commands a refresh", 0.1, spent.commands/float64(fresh.Tries))
	return nil
}
