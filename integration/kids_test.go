package integration_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"signet/integration"
	"signet/internal/sharedstate"
)

// TestReplicaStartsAfterAnHS256Fence: Vault computes the kid of a fenced version
// no more. A replica that starts then learns it from another one's note, and
// says so where there is none.
func TestReplicaStartsAfterAnHS256Fence(t *testing.T) {
	const ring = "signet-hs256"
	stack := integration.New(t, &integration.Options{Rings: []integration.Ring{{Name: ring, Algorithm: "HS256"}}})
	first := stack.Signet(0)
	token := first.ClientCredentials(t, stack.Demo)
	old := kidOf(t, token)
	notes := sharedstate.NewKIDs(stack.Redis.Client)
	integration.Eventually(t, 5*time.Second, "the kid is noted", func() bool {
		kids, err := notes.Recall(t.Context(), ring)
		return err == nil && kids[1] == old
	})
	stack.Vault.Rotate(t, ring)
	stack.Vault.Configure(t, ring, map[string]any{"min_encryption_version": 2})

	late := stack.StartSignet(t)
	late.WaitReady(t)
	if !late.Active(t, stack.Demo, token) {
		t.Error("a replica that started after the fence calls a good token inactive")
	}
	if fresh := late.ClientCredentials(t, stack.Demo); kidOf(t, fresh) == old || !first.Active(t, stack.Demo, fresh) {
		t.Error("it signs with the fenced version, or nobody knows what it signs with")
	}
	if strings.Contains(late.Log(), "kid_unknown") {
		t.Errorf("an alarm for nothing:\n%s", late.Log())
	}

	// Nobody who knows the kid is left, and the notes are gone.
	first.Stop(t)
	if err := stack.Redis.Client.Del(t.Context(), "signet:kids:"+ring).Err(); err != nil {
		t.Fatal(err)
	}
	later := stack.StartSignet(t)
	later.WaitReady(t)
	if later.Active(t, stack.Demo, token) {
		t.Fatal("active, although nobody can say which version it is of")
	}
	if probe := later.Ops(t, "/readyz"); !strings.Contains(probe, `"status":"ok","alarms":[{"ring":"`+ring+`","kind":"kid_unknown","version":1,`) {
		t.Errorf("/readyz: %s", probe)
	}
	if err := notes.Remember(t.Context(), ring, 1, old); err != nil { // another replica's note
		t.Fatal(err)
	}
	integration.Eventually(t, 5*time.Second, "the note is read and the alarm is over", func() bool {
		return later.Active(t, stack.Demo, token) && !strings.Contains(later.Ops(t, "/readyz"), "kid_unknown")
	})

	// Retirement ends the version for those too who know it by a note only.
	stack.Vault.Configure(t, ring, map[string]any{"min_decryption_version": 2})
	integration.Eventually(t, 5*time.Second, "the old token is inactive", func() bool {
		return !late.Active(t, stack.Demo, token) && !later.Active(t, stack.Demo, token)
	})
}

// TestKeyReplacedWhileNoReplicaRan: the key is deleted and made anew, and no
// replica saw the old one. The first that starts is loud, and ready.
func TestKeyReplacedWhileNoReplicaRan(t *testing.T) {
	const ring = "signet-es256"
	stack := integration.New(t, nil)
	old := stack.Signet(0).KIDs(t)[0]
	notes := sharedstate.NewKIDs(stack.Redis.Client)
	integration.Eventually(t, 5*time.Second, "the kid is noted", func() bool {
		kids, err := notes.Recall(t.Context(), ring)
		return err == nil && kids[1] == old
	})
	stack.Signet(0).Stop(t)
	stack.Vault.Configure(t, ring, map[string]any{"deletion_allowed": true})
	stack.Vault.Must(t, http.MethodDelete, "transit/keys/"+ring, nil)
	stack.Vault.Must(t, http.MethodPost, "transit/keys/"+ring, map[string]any{"type": "ecdsa-p256"})

	next := stack.StartSignet(t)
	next.WaitReady(t)
	want := `{"ring":"` + ring + `","kind":"key_changed","version":1,"kid":"` + old + `","since":"`
	integration.Eventually(t, 5*time.Second, "readiness tells of the replaced key", func() bool {
		return strings.Contains(next.Ops(t, "/readyz"), `"status":"ok","alarms":[`+want)
	})
	if !strings.Contains(next.Ops(t, "/metrics"), `signet_ring_alarms_total{kind="key_changed",ring="`+ring+`"} 1`) {
		t.Error("no metric of it")
	}
	if !strings.Contains(next.Log(), `"alarm":"key_changed"`) {
		t.Errorf("no log of it:\n%s", next.Log())
	}
	kid := next.KIDs(t)[0]
	integration.Eventually(t, 5*time.Second, "the new kid is noted", func() bool {
		kids, err := notes.Recall(t.Context(), ring)
		return err == nil && kids[1] == kid
	})
}
