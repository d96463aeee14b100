package integration_test

import (
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"signet/integration"
)

// TestRotationByHand: somebody rotates the transit key in Vault. That only
// publishes; signing moves after the publish delay, on two replicas alike, and
// tokens of the old version verify until its min_decryption_version retires it.
func TestRotationByHand(t *testing.T) {
	const ring = "signet-es256"
	stack := integration.New(t, &integration.Options{Replicas: 2})
	replicas := []*integration.Signet{stack.Signet(0), stack.Signet(1)}
	oldToken := replicas[0].ClientCredentials(t, stack.Demo)
	oldKID := kidOf(t, oldToken)

	stack.Vault.Rotate(t, ring)
	rotated := time.Now()
	var newKID string
	for _, s := range replicas {
		integration.Eventually(t, 2*time.Second, "the new kid is published beside the old one", func() bool {
			kids := s.KIDs(t)
			if len(kids) != 2 || kids[1] != oldKID {
				return false
			}
			newKID = kids[0]
			return true
		})
	}

	// Until the publish delay is over, nobody signs with it.
	moved := make([]time.Time, len(replicas))
	integration.Eventually(t, 2*integration.PublishDelay, "both replicas sign with the new version", func() bool {
		for i, s := range replicas {
			kid := kidOf(t, s.ClientCredentials(t, stack.Demo))
			switch {
			case kid == newKID && moved[i].IsZero():
				moved[i] = time.Now()
			case kid == oldKID && !moved[i].IsZero():
				t.Fatal("signing moved back to the old version")
			case kid != oldKID && kid != newKID:
				t.Fatalf("signed by %s, which is neither version", kid)
			}
		}
		return !moved[0].IsZero() && !moved[1].IsZero()
	})
	for i, at := range moved {
		// Vault's creation time is at most as late as the end of Rotate.
		if early := integration.PublishDelay - at.Sub(rotated); early > 200*time.Millisecond {
			t.Errorf("replica %d signed with the new version %s before the publish delay was over", i, early)
		}
		if late := at.Sub(rotated) - integration.PublishDelay; late > 2*time.Second {
			t.Errorf("replica %d signed with the new version only %s after the publish delay", i, late)
		}
	}
	for _, s := range replicas {
		if !s.Active(t, stack.Demo, oldToken) || !slices.Contains(s.KIDs(t), oldKID) {
			t.Error("a token of the old version does not verify to its end")
		}
	}

	// The operator's kill switch.
	stack.Vault.Configure(t, ring, map[string]any{"min_encryption_version": 2})
	stack.Vault.Configure(t, ring, map[string]any{"min_decryption_version": 2})
	for _, s := range replicas {
		integration.Eventually(t, 2*time.Second, "the old kid is gone and its token inactive", func() bool {
			return !slices.Contains(s.KIDs(t), oldKID) && !s.Active(t, stack.Demo, oldToken)
		})
	}
}

// TestFenceMovesSigners: Vault refuses the pinned version in the middle of
// work (somebody raised min_encryption_version). The replica re-reads, rebuilds
// the header and signs once more; no caller sees an error.
func TestFenceMovesSigners(t *testing.T) {
	const ring = "signet-es256"
	stack := integration.New(t, nil)
	s := stack.Signet(0)
	oldKID := kidOf(t, s.ClientCredentials(t, stack.Demo))
	stack.Vault.Rotate(t, ring)
	stack.Vault.Configure(t, ring, map[string]any{"min_encryption_version": 2})
	if kid := kidOf(t, s.ClientCredentials(t, stack.Demo)); kid == oldKID {
		t.Error("a token was signed with a version that Vault had fenced off")
	}
}

// TestVersionSeenByOneReplicaFirst: an HS256 version signs at once, so a token
// of it reaches other replicas before they have read it. They must find it, not
// call the token invalid; and a revocation must not be confirmed and forgotten.
func TestVersionSeenByOneReplicaFirst(t *testing.T) {
	const ring = "signet-hs256"
	stack := integration.New(t, &integration.Options{
		Replicas: 2, Rings: []integration.Ring{{Name: ring, Algorithm: "HS256"}},
	})
	first, second := stack.Signet(0), stack.Signet(1)
	oldKID := kidOf(t, first.ClientCredentials(t, stack.Demo))
	stack.Vault.Rotate(t, ring)
	var token string
	integration.Eventually(t, 5*time.Second, "the first replica signs with the new version", func() bool {
		token = first.ClientCredentials(t, stack.Demo)
		return kidOf(t, token) != oldKID
	})
	if !second.Active(t, stack.Demo, token) {
		t.Fatal("the second replica calls a good token invalid")
	}
	second.Post(t, "/oauth2/revoke", stack.Demo, url.Values{"token": {token}}).Want(t, http.StatusOK)
	if first.Active(t, stack.Demo, token) {
		t.Error("a revocation was confirmed and forgotten")
	}
}
