package sharedstate_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"signet/internal/redistest"
	"signet/internal/sharedstate"
)

// TestDocumentedACL: the user of docs/operations.md can do all that this
// package does.
func TestDocumentedACL(t *testing.T) {
	t.Parallel()
	addr, ok := redistest.Start(t)
	if !ok {
		return // a strict run has failed
	}
	manual, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^ACL SETUSER signet .*$`).FindString(string(manual))
	if line == "" {
		t.Fatal("docs/operations.md has no ACL line")
	}
	var args []any
	for word := range strings.FieldsSeq(line) {
		args = append(args, word)
	}
	if err := open(t, sharedstate.Config{Addresses: []string{addr}}).Do(t.Context(), args...).Err(); err != nil {
		t.Fatal(err)
	}
	client := open(t, sharedstate.Config{Addresses: []string{addr}, Username: "signet", Password: "PASSWORD"})
	ctx, now := t.Context(), time.Now()
	for what, do := range map[string]func(redis.UniversalClient) error{
		"deny": func(c redis.UniversalClient) error { return sharedstate.NewDenylist(c, 0).Deny(ctx, "x", time.Minute) },
		"denied": func(c redis.UniversalClient) error {
			_, err := sharedstate.NewDenylist(c, 0).Denied(ctx, "x")
			return err
		},
		"lease": func(c redis.UniversalClient) error {
			_, err := sharedstate.NewKeeperLease(c, time.Minute).Hold(ctx)
			return err
		},
		"seen": func(c redis.UniversalClient) error {
			_, err := sharedstate.NewFirstSeen(c).FirstSeen(ctx, "x", 1, now)
			return err
		},
		"report":  func(c redis.UniversalClient) error { return sharedstate.NewMaxTTLs(c).Report(ctx, "x", time.Minute) },
		"largest": func(c redis.UniversalClient) error { _, err := sharedstate.NewMaxTTLs(c).Largest(ctx, "x"); return err },
		"revoke": func(c redis.UniversalClient) error {
			return sharedstate.NewRevocations(c).Revoke(ctx, "x", sharedstate.Revocation{})
		},
		"list": func(c redis.UniversalClient) error { _, err := sharedstate.NewRevocations(c).List(ctx); return err },
		"revoked": func(c redis.UniversalClient) error {
			_, err := sharedstate.NewRevocations(c).RevokedKIDs(ctx)
			return err
		},
		"remember": func(c redis.UniversalClient) error { return sharedstate.NewKIDs(c).Remember(ctx, "x", 1, "y") },
		"recall":   func(c redis.UniversalClient) error { _, err := sharedstate.NewKIDs(c).Recall(ctx, "x"); return err },
		"prove":    func(c redis.UniversalClient) error { return sharedstate.NewKIDs(c).RememberProof(ctx, "x", 1, "y") },
		"proofs": func(c redis.UniversalClient) error {
			_, err := sharedstate.NewKIDs(c).RecallProofs(ctx, "x")
			return err
		},
		"fence": func(c redis.UniversalClient) error {
			f := sharedstate.NewFences(c)
			if err := f.See(ctx, "x", 2, now); err != nil {
				return err
			}
			return f.See(ctx, "x", 1, now)
		},
		"since": func(c redis.UniversalClient) error {
			_, _, err := sharedstate.NewFences(c).Since(ctx, "x", 1)
			return err
		},
		"count": func(c redis.UniversalClient) error {
			return sharedstate.NewKIDCounts(c).Add(ctx, "x", sharedstate.KIDUse{Issued: 1, LastIssued: now})
		},
		"counts": func(c redis.UniversalClient) error { _, err := sharedstate.NewKIDCounts(c).Read(ctx, "x"); return err },
	} {
		if err := do(client); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, warning := range sharedstate.CheckServer(ctx, client, sharedstate.CheckConfig{ClockSkew: time.Minute}) {
		if strings.Contains(warning.Problem, "does not") {
			t.Errorf("the look at start: %s", warning)
		}
	}
}
