package integration_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/integration"
	"signet/internal/sharedstate"
)

const alarms = "signet_ring_alarms_total"

// TestRevokedStaysDead: a snapshot of Vault's storage from before a revocation
// is restored, so that Vault lists the revoked key again and would sign with it.
// Every replica goes on as if it were not there, and says so: one that has run
// all the while, one whose Vault token went with the restore, one that starts
// afterwards, and one that starts when Redis has forgotten the list but its
// configuration has not.
func TestRevokedStaysDead(t *testing.T) {
	if !integration.OnlyOn(t, integration.Process) {
		return // snapshots need integrated storage, which Vault's dev server has not
	}
	const ring = "signet-es256"
	stack := integration.New(t, &integration.Options{Raft: true})
	replicas := []*integration.Signet{stack.Signet(0)}
	token := replicas[0].ClientCredentials(t, stack.Demo)
	kid := kidOf(t, token)
	snapshot := stack.Vault.Snapshot(t)
	begin := func() {
		s := stack.StartSignet(t)
		s.WaitServing(t)
		replicas = append(replicas, s)
	}
	begin() // its Vault token is not in the snapshot

	revokeByCommand(t, stack, kid)
	for _, s := range replicas {
		integration.Eventually(t, 5*time.Second, "the revoked kid is dead", func() bool {
			return !slices.Contains(s.KIDs(t), kid) && !s.Active(t, stack.Demo, token)
		})
	}
	after := replicas[0].ClientCredentials(t, stack.Demo)

	stack.Vault.Restore(t, snapshot, func() bool { return readKey(t, stack.Vault, ring).Latest == 1 })
	if back := readKey(t, stack.Vault, ring).Keys["1"].kid(t); back != kid {
		t.Fatalf("the restored Vault lists %s, not the revoked key", back)
	}
	begin()
	dead(t, stack, replicas, kid, token)
	if !replicas[0].Active(t, stack.Demo, after) {
		t.Error("what was signed between the revocation and the restore is good no longer")
	}

	// With a key that is not revoked they sign again, at once.
	stack.Vault.Rotate(t, ring)
	for _, s := range replicas {
		integration.Eventually(t, 5*time.Second, "tokens of a new key", func() bool {
			r := tryToken(t, stack, s)
			return r.Status == http.StatusOK && kidOf(t, r.String(t, "access_token")) == readKey(t, stack.Vault, ring).Keys["2"].kid(t)
		})
	}

	// What Redis loses, whoever still knows it puts back.
	list := sharedstate.NewRevocations(stack.Redis.Client)
	stack.Redis.Client.FlushDB(t.Context())
	integration.Eventually(t, 5*time.Second, "the list is whole again", func() bool {
		listed, err := list.List(t.Context())
		_, ok := listed[kid]
		return err == nil && ok
	})
	for _, s := range replicas {
		s.Stop(t)
	}
	stack.Redis.Client.FlushDB(t.Context())
	stack.RevokedKIDs = []string{kid}
	begin()
	dead(t, stack, replicas[len(replicas)-1:], kid, token)
}

// dead watches replicas that read Vault again and again, and find the revoked
// key there each time.
func dead(t *testing.T, stack *integration.Stack, replicas []*integration.Signet, kid, token string) {
	t.Helper()
	const label = `kind="revoked_listed"`
	for i, s := range replicas {
		before := -1.0
		integration.Eventually(t, 20*time.Second, "alarms about the revoked key", func() bool {
			if slices.Contains(s.KIDs(t), kid) {
				t.Fatalf("replica %d publishes the revoked kid", i)
			}
			if r := s.Post(t, "/oauth2/introspect", stack.Demo, url.Values{"token": {token}}); r.JSON["active"] == true {
				t.Fatalf("replica %d calls a token of the revoked kid active", i)
			}
			if r := tryToken(t, stack, s); r.Status == http.StatusOK && kidOf(t, r.String(t, "access_token")) == kid {
				t.Fatalf("replica %d signs with the revoked kid", i)
			}
			count := s.Metric(t, alarms, label)
			if before < 0 {
				before = count
			}
			return count >= before+5
		})
		if !strings.Contains(s.Log(), `"alarm":"revoked_listed"`) {
			t.Errorf("replica %d has no word in its log about the revoked key", i)
		}
	}
}

func tryToken(t *testing.T, stack *integration.Stack, s *integration.Signet) integration.Reply {
	t.Helper()
	return s.Post(t, "/oauth2/token", stack.Demo, url.Values{"grant_type": {"client_credentials"}})
}

// TestRecreatedKey: somebody deletes the transit key and makes it anew, so that
// version 1 is another key. That is an alarm; the old key never signs again but
// verifies for max_ttl, and no kid ever has two keys.
func TestRecreatedKey(t *testing.T) {
	const ring = "signet-es256"
	times := integration.KeyTimes{
		PublishDelay: 5 * time.Second, MaxTTL: 8 * time.Second, RotationPeriod: 24 * time.Hour, RetireMargin: 6 * time.Second, TTL: 8 * time.Second,
		RefreshInterval: 200 * time.Millisecond, JWKSMaxAge: time.Second, StaleIfError: time.Second, ClockSkew: time.Second,
	}
	stack := integration.New(t, &integration.Options{Replicas: 2, Times: &times})
	replicas := []*integration.Signet{stack.Signet(0), stack.Signet(1)}
	stack.Vault.Configure(t, ring, map[string]any{"deletion_allowed": true})
	old := replicas[0].ClientCredentials(t, stack.Demo)
	signed := time.Now()
	oldKID := kidOf(t, old)
	verifiers := make([]*verifier, len(replicas))
	for i, s := range replicas {
		verifiers[i] = &verifier{replicas: []*integration.Signet{s}}
	}
	stack.Vault.Must(t, http.MethodDelete, "transit/keys/"+ring, nil)
	stack.Vault.Must(t, http.MethodPost, "transit/keys/"+ring, map[string]any{"type": "ecdsa-p256"})
	made := time.Now()
	newKID := readKey(t, stack.Vault, ring).Keys["1"].kid(t)

	keys := map[string]string{} // a kid's key, whoever publishes it
	for i, s := range replicas {
		integration.Eventually(t, 5*time.Second, "the alarm about another key, and tokens of it", func() bool {
			r := tryToken(t, stack, s)
			return s.Metric(t, alarms, `kind="key_changed"`) > 0 && r.Status == http.StatusOK && kidOf(t, r.String(t, "access_token")) == newKID
		})
		if !strings.Contains(s.Log(), `"alarm":"key_changed"`) {
			t.Errorf("replica %d has no word in its log about the other key", i)
		}
	}
	integration.Eventually(t, times.MaxTTL+10*time.Second, "the old key is published no more", func() bool {
		gone := 0
		for i, s := range replicas {
			kids := onlyOneKeyEach(t, s, keys)
			published := slices.Contains(kids, oldKID)
			if !published {
				gone++
			}
			if !published && time.Since(made) < times.MaxTTL || !slices.Contains(kids, newKID) {
				t.Fatalf("replica %d publishes %v %v after the key was replaced", i, kids, time.Since(made))
			}
			if kid := kidOf(t, s.ClientCredentials(t, stack.Demo)); kid != newKID {
				t.Fatalf("replica %d signs with %s again", i, kid)
			}
			// Half a second for the answer, and one because iat and exp are whole ones.
			if time.Since(signed) < times.TTL-1500*time.Millisecond {
				if err := verifiers[i].verify(old); err != nil || !s.Active(t, stack.Demo, old) {
					t.Fatalf("a token of the old key is good no longer at replica %d: %v", i, err)
				}
			}
		}
		return gone == len(replicas)
	})
	if late := time.Since(made) - times.MaxTTL; late > 5*time.Second {
		t.Errorf("the old key was published %v longer than max_ttl", late)
	}
}

// onlyOneKeyEach returns the kids that a replica publishes, and fails if one of
// them is or was another key's.
func onlyOneKeyEach(t *testing.T, s *integration.Signet, keys map[string]string) []string {
	t.Helper()
	var set struct {
		Keys []map[string]string `json:"keys"`
	}
	if err := json.Unmarshal(s.Get(t, "/.well-known/jwks.json").Want(t, http.StatusOK).Body, &set); err != nil {
		t.Fatal(err)
	}
	var kids []string
	for _, k := range set.Keys {
		kid, key := k["kid"], k["x"]+"."+k["y"]
		if keys[kid] == "" {
			keys[kid] = key
		}
		if keys[kid] != key || slices.Contains(kids, kid) {
			t.Fatalf("kid %s has two keys", kid)
		}
		kids = append(kids, kid)
	}
	return kids
}
