package integration_test

import (
	"encoding/base64"
	"encoding/json"
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
	var proof string
	integration.Eventually(t, 5*time.Second, "its proof is noted", func() bool {
		proofs, err := notes.RecallProofs(t.Context(), ring)
		proof = proofs[1]
		return err == nil && proof != ""
	})
	const alias = "aliasaliasaliasaliasaliasaliasaliasaliasalA"
	aliased := underKID(t, stack.Vault, ring, token, alias)
	if !first.Active(t, stack.Demo, underKID(t, stack.Vault, ring, token, old)) {
		t.Fatal("what the test signs is not good under the true kid either")
	}
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
	late.Stop(t)
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
	if err := notes.Remember(t.Context(), ring, 1, old); err != nil { // a note without its proof is not believed
		t.Fatal(err)
	}
	if later.Active(t, stack.Demo, token) {
		t.Error("active by a note that proves nothing")
	}
	if err := notes.RememberProof(t.Context(), ring, 1, proof); err != nil { // another replica's note
		t.Fatal(err)
	}
	integration.Eventually(t, 5*time.Second, "the note is read and the alarm is over", func() bool {
		return later.Active(t, stack.Demo, token) && !strings.Contains(later.Ops(t, "/readyz"), "kid_unknown")
	})

	// Who has the key signs under another kid and notes that one for the version:
	// a replica that starts then must not believe it.
	forge := sharedstate.NewKIDs(stack.Redis.Client)
	later.Stop(t)
	if err := forge.Remember(t.Context(), ring, 1, alias); err != nil {
		t.Fatal(err)
	}
	deceived := stack.StartSignet(t)
	deceived.WaitReady(t)
	if deceived.Active(t, stack.Demo, aliased) {
		t.Fatal("a version verifies under a kid that somebody wrote into Redis")
	}
	if !deceived.Active(t, stack.Demo, token) {
		t.Error("the forged note hides the proven kid")
	}
	deceived.Stop(t)
	if err := forge.RememberProof(t.Context(), ring, 1, strings.Repeat("A", 43)+"="); err != nil {
		t.Fatal(err)
	}
	late, later = stack.StartSignet(t), stack.StartSignet(t)
	later.WaitReady(t)
	late.WaitReady(t)
	if later.Active(t, stack.Demo, aliased) || later.Active(t, stack.Demo, token) {
		t.Fatal("a forged proof is believed")
	}
	if err := notes.RememberProof(t.Context(), ring, 1, proof); err != nil {
		t.Fatal(err)
	}
	integration.Eventually(t, 5*time.Second, "the true proof is read", func() bool {
		return late.Active(t, stack.Demo, token) && later.Active(t, stack.Demo, token)
	})

	// Retirement ends the version for those too who know it by a note only.
	stack.Vault.Configure(t, ring, map[string]any{"min_decryption_version": 2})
	integration.Eventually(t, 5*time.Second, "the old token is inactive", func() bool {
		return !late.Active(t, stack.Demo, token) && !later.Active(t, stack.Demo, token)
	})
}

// underKID is a token with another kid in its header, signed by version 1 of the
// ring as whoever has the key would.
func underKID(t *testing.T, vault *integration.Vault, ring, token, kid string) string {
	t.Helper()
	head := header(t, token)
	head["kid"] = kid
	raw, err := json.Marshal(head)
	if err != nil {
		t.Fatal(err)
	}
	input := base64.RawURLEncoding.EncodeToString(raw) + "." + strings.Split(token, ".")[1]
	reply := vault.Must(t, http.MethodPost, "transit/hmac/"+ring, map[string]any{
		"input": base64.StdEncoding.EncodeToString([]byte(input)), "key_version": "1",
	})
	text, _ := reply["hmac"].(string)
	mac, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, "vault:v1:"))
	if err != nil || len(mac) == 0 {
		t.Fatalf("transit/hmac: %v, %v", reply, err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(mac)
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
