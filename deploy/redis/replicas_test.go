package deployredis_test

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"signet/internal/redistest"
	"signet/internal/replicated"
	"signet/internal/sharedstate"
	"signet/refresh"
)

// unconfirmedRevocation: while the replica hangs no revocation is confirmed,
// however often; afterwards it is, and the replica has it.
func unconfirmedRevocation(t *testing.T, client redis.UniversalClient, replicas ...*redistest.Process) {
	t.Helper()
	store := newStore(client, 1)
	token, session := login(t, store)
	other, _ := login(t, store)
	_, own := login(t, store)
	for _, r := range replicas {
		r.Halt(t)
	}
	ways := map[string]func(context.Context) error{
		"a refresh token":            func(ctx context.Context) error { _, err := store.RevokeToken(ctx, other, clientID); return err },
		"the session, by its client": func(ctx context.Context) error { _, err := store.Revoke(ctx, own.SID, clientID); return err },
		"the session":                func(ctx context.Context) error { _, err := store.Revoke(ctx, session.SID, ""); return err },
		"the subject": func(ctx context.Context) error {
			_, err := store.RevokeAll(ctx, refresh.Owner{Subject: subject})
			return err
		},
		"a jti": func(ctx context.Context) error {
			return sharedstate.NewDenylist(client, 1, nil).Deny(ctx, "other", time.Minute)
		},
	}
	for what, revoke := range ways {
		for range 2 {
			unreplicated(t, what, revoke)
		}
	}
	for _, r := range replicas {
		r.Resume(t)
	}
	for what, revoke := range ways {
		eventually(t, what+" is revoked, and the replica has it", func() bool { return revoke(t.Context()) == nil })
	}
	if err := refreshed(t.Context(), store, token); err == nil {
		t.Error("the session goes on")
	}
}

func login(t *testing.T, store *refresh.Store) (token string, session refresh.Session) {
	t.Helper()
	eventually(t, "a login", func() bool {
		family, err := refresh.NewFamily(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		token, session, err = store.Create(t.Context(), family, refresh.Session{ClientID: clientID, Subject: subject})
		return err == nil
	})
	return token, session
}

// unreplicated wants the verdict. On a busy machine the answer may come later
// than the client waits for it: that is another ErrUnavailable.
func unreplicated(t *testing.T, what string, revoke func(context.Context) error) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := revoke(t.Context())
		switch {
		case errors.Is(err, replicated.ErrNotReplicated) && unavailable(err):
			return
		case !unavailable(err), time.Now().After(deadline):
			t.Fatalf("revoking %s without a replica: %v", what, err)
		}
	}
}

func unavailable(err error) bool {
	return errors.Is(err, refresh.ErrUnavailable) || errors.Is(err, sharedstate.ErrUnavailable)
}
