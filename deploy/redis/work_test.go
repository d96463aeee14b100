package deployredis_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"signet/internal/sharedstate"
	"signet/refresh"
	"signet/refresh/refreshtest"
)

const (
	clientID = "login"
	subject  = "user:alice"
	ring     = "signet-es256"
)

// work is everything that Signet does with Redis. Each part is tried, whatever
// became of those before it.
func work(ctx context.Context, t *testing.T, client redis.UniversalClient, replicas int) error {
	t.Helper()
	return errors.Join(sessions(ctx, t, client, replicas), keysWork(ctx, client, replicas), look(ctx, client, replicas))
}

func newStore(client redis.UniversalClient, replicas int) *refresh.Store {
	return refresh.New(refresh.Config{
		Redis: client, Keys: refreshtest.NewKeys(), Grace: time.Minute, ReplicasAck: replicas, Timeout: 2 * time.Second,
		Logger: slog.New(slog.DiscardHandler),
	})
}

// sessions does everything that a store can do.
func sessions(ctx context.Context, t *testing.T, client redis.UniversalClient, replicas int) error {
	t.Helper()
	store := newStore(client, replicas)
	var errs []error
	note := func(what string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", what, err))
		}
	}
	begin := func() (string, refresh.Session) {
		family, err := refresh.NewFamily(rand.Reader)
		note("drawing a family", err)
		token, session, err := store.Create(ctx, family, refresh.Session{ClientID: clientID, Subject: subject, Scope: "read"})
		note("create", err)
		return token, session
	}
	note("refresh", refreshed(ctx, store, first(begin())))
	begin()
	_, err := store.Inspect(ctx, first(begin()))
	note("inspect", err)
	_, _, err = store.List(ctx, refresh.ListRequest{Owner: refresh.Owner{Subject: subject}})
	note("list", err)
	_, err = store.RevokeToken(ctx, first(begin()), clientID)
	note("revoke a token", err)
	_, session := begin()
	_, err = store.Revoke(ctx, session.SID, clientID)
	note("revoke a session", err)
	_, err = store.Denied(ctx, refresh.AccessToken{SID: session.SID, Subject: subject, ClientID: clientID})
	note("denied", err)
	for _, owner := range []refresh.Owner{{Subject: subject}, {ClientID: clientID}, {Subject: subject, ClientID: clientID}} {
		begin()
		_, err := store.RevokeAll(ctx, owner)
		note("revoke all", err)
		pressed, cancel := context.WithTimeout(ctx, 3*time.Second) // less than twice the store's own
		_, err = store.RevokeAll(pressed, owner)
		note("revoke all in a hurry", err)
		cancel()
	}
	return errors.Join(errs...)
}

func first(token string, _ refresh.Session) string { return token }

// refreshed uses a token, and its reuse ends the session.
func refreshed(ctx context.Context, store *refresh.Store, token string) error {
	newest := token
	for range 2 {
		attempt, err := store.Check(ctx, newest, clientID, "")
		if err != nil {
			return err
		}
		if newest, _, err = store.Commit(ctx, attempt); err != nil {
			return err
		}
	}
	if _, err := store.Check(ctx, token, clientID, ""); !errors.Is(err, refresh.ErrReuse) {
		return fmt.Errorf("reuse: %w", err)
	}
	return nil
}

// keysWork does everything that package sharedstate can do.
func keysWork(ctx context.Context, client redis.UniversalClient, replicas int) error {
	now := time.Now()
	denials, kids, fences := sharedstate.NewDenylist(client, replicas, nil), sharedstate.NewKIDs(client), sharedstate.NewFences(client)
	counts, revoked, ttls := sharedstate.NewKIDCounts(client), sharedstate.NewRevocations(client), sharedstate.NewMaxTTLs(client)
	_, denied := denials.Denied(ctx, "jti")
	_, held := sharedstate.NewKeeperLease(client, time.Minute).Hold(ctx)
	_, seen := sharedstate.NewFirstSeen(client).FirstSeen(ctx, ring, 1, now)
	_, largest := ttls.Largest(ctx, ring)
	_, listed := revoked.List(ctx)
	_, known := revoked.RevokedKIDs(ctx)
	_, recalled := kids.Recall(ctx, ring)
	_, proofs := kids.RecallProofs(ctx, ring)
	_, _, since := fences.Since(ctx, ring, 1)
	_, read := counts.Read(ctx, "kid")
	return errors.Join(
		denials.Deny(ctx, "jti", time.Minute), denied, held, seen, ttls.Report(ctx, ring, time.Minute), largest,
		revoked.Revoke(ctx, "kid", sharedstate.Revocation{Ring: ring, Version: 1, At: now}), listed, known,
		kids.Remember(ctx, ring, 1, "kid"), kids.RememberProof(ctx, ring, 1, "proof"), recalled, proofs,
		fences.See(ctx, ring, 2, now), fences.See(ctx, ring, 1, now), since, // lowered
		counts.Add(ctx, "kid", sharedstate.KIDUse{Issued: 1, LastIssued: now}), read,
	)
}

// look is the look at start, with nothing to complain about.
func look(ctx context.Context, client redis.UniversalClient, replicas int) error {
	var errs []error
	for _, warning := range sharedstate.CheckServer(ctx, client, sharedstate.CheckConfig{ClockSkew: time.Minute, ReplicasAck: replicas}) {
		errs = append(errs, errors.New(warning.String()))
	}
	return errors.Join(errs...)
}
