package integration_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"signet/integration"
)

// sidsOf walks the list of sessions page by page.
func sidsOf(t *testing.T, s *integration.Signet, as integration.Client, query string) (sids []string) {
	t.Helper()
	for cursor := ""; ; {
		r := s.Ask(t, http.MethodGet, "/v1/sessions?limit=2&"+query+cursor, as).Want(t, http.StatusOK)
		list, ok := r.JSON["sessions"].([]any)
		if !ok || len(list) > 2 {
			t.Fatalf("no page of 2: %s", r.Body)
		}
		for _, one := range list {
			session, _ := one.(map[string]any)
			sid, _ := session["sid"].(string)
			sids = append(sids, sid)
		}
		next, more := r.JSON["next"].(string)
		if !more {
			return sids
		}
		cursor = "&cursor=" + url.QueryEscape(next)
	}
}

// TestSessionsAPI: what one replica is told holds on the other at once.
func TestSessionsAPI(t *testing.T) {
	stack := integration.New(t, &integration.Options{Replicas: 2})
	one, two := stack.Signet(0), stack.Signet(1)
	type pair struct{ access, refresh string }
	var alices []pair
	for i := range 5 {
		access, refresh := stack.Signet(i%2).Pair(t, stack.Demo, "user:alice")
		alices = append(alices, pair{access, refresh})
	}
	otherAccess, otherRefresh := two.Pair(t, stack.Other, "user:alice")
	bobsAccess, bobsRefresh := one.Pair(t, stack.Demo, "user:bob")
	single := one.PostJSON(t, "/v1/tokens", stack.Demo, map[string]any{"subject": "user:alice"}).Want(t, http.StatusOK).String(t, "access_token")

	all := sidsOf(t, one, stack.Demo, "subject=user:alice")
	if own := sidsOf(t, two, stack.Other, "subject=user:alice"); len(all) != 6 || len(own) != 1 || !slices.Contains(all, own[0]) {
		t.Fatalf("listed %v, of them its own %v", all, own)
	}
	if byClient := sidsOf(t, two, stack.Demo, "client=demo"); len(byClient) != 6 {
		t.Fatalf("by client %v", byClient)
	}

	// One by one: the newest of alice's is the other client's.
	one.Ask(t, http.MethodDelete, "/v1/sessions/"+all[1], stack.Other).Want(t, http.StatusOK) // not its own: nothing
	if n := one.Ask(t, http.MethodDelete, "/v1/sessions/"+all[1], stack.Demo).Want(t, http.StatusOK).JSON["revoked"]; n != 1.0 {
		t.Errorf("revoked %v", n)
	}
	two.Refresh(t, stack.Demo, alices[4].refresh).WantError(t, http.StatusBadRequest, "invalid_grant")
	if two.Active(t, stack.Demo, alices[4].access) {
		t.Error("an access token outlives its session")
	}

	// Everywhere at one client, then everywhere.
	if n := one.Ask(t, http.MethodDelete, "/v1/sessions?subject=user:alice&client=demo", stack.Demo).Want(t, http.StatusOK).JSON["revoked"]; n != 4.0 {
		t.Errorf("revoked %v", n)
	}
	for _, p := range alices {
		two.Refresh(t, stack.Demo, p.refresh).WantError(t, http.StatusBadRequest, "invalid_grant")
		if two.Active(t, stack.Demo, p.access) {
			t.Error("an access token outlives its session")
		}
	}
	if two.Active(t, stack.Demo, single) {
		t.Error("a token without a session outlives the logout")
	}
	if !two.Active(t, stack.Demo, otherAccess) {
		t.Error("another client's session was ended")
	}
	if n := two.Ask(t, http.MethodDelete, "/v1/sessions?subject=user:alice", stack.Demo).Want(t, http.StatusOK).JSON["revoked"]; n != 1.0 {
		t.Errorf("revoked %v", n)
	}
	one.Refresh(t, stack.Other, otherRefresh).WantError(t, http.StatusBadRequest, "invalid_grant")
	if !one.Active(t, stack.Demo, bobsAccess) {
		t.Error("bob was logged out")
	}
	access, refresh := one.Pair(t, stack.Demo, "user:alice")
	if !two.Active(t, stack.Demo, access) {
		t.Error("logging in again does not work at once")
	}
	two.Refresh(t, stack.Demo, refresh).Want(t, http.StatusOK)
	two.Refresh(t, stack.Demo, bobsRefresh).Want(t, http.StatusOK)

	stack.RedisLink.Cut()
	r := one.Ask(t, http.MethodDelete, "/v1/sessions?subject=user:bob", stack.Demo).WantError(t, http.StatusServiceUnavailable, "temporarily_unavailable")
	if r.Header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
}

// TestLogoutAgainstRefresh: while callers refresh as fast as they can, somebody
// logs the subject out. What began after the answer gets nothing, on any replica.
func TestLogoutAgainstRefresh(t *testing.T) {
	stack := integration.New(t, &integration.Options{Replicas: 2})
	const callers, rounds = 6, 12
	for round := range rounds {
		tokens := make([]string, callers)
		for i := range tokens {
			_, tokens[i] = stack.Signet(i%2).Pair(t, stack.Demo, "user:alice")
		}
		var done sync.WaitGroup
		stop, failures := make(chan struct{}), make(chan string, callers)
		for i := range tokens {
			done.Go(func() {
				for {
					r, err := stack.Signet(i%2).TryPost("/oauth2/token", stack.Demo, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens[i]}})
					switch {
					case err != nil || r.Status != http.StatusOK && r.Status != http.StatusBadRequest:
						failures <- string(r.Body)
						return
					case r.Status == http.StatusBadRequest:
						return
					}
					tokens[i], _ = r.JSON["refresh_token"].(string)
					select {
					case <-stop:
						return
					default:
					}
				}
			})
		}
		target := []string{"subject=user:alice", "client=demo", "subject=user:alice&client=demo"}[round%3]
		stack.Signet(round%2).Ask(t, http.MethodDelete, "/v1/sessions?"+target, stack.Demo).Want(t, http.StatusOK)
		close(stop)
		done.Wait()
		close(failures)
		for failed := range failures {
			t.Fatalf("round %d: %s", round, failed)
		}
		for i, token := range tokens {
			stack.Signet((i+1)%2).Refresh(t, stack.Demo, token).WantError(t, http.StatusBadRequest, "invalid_grant")
		}
		if left := sidsOf(t, stack.Signet(0), stack.Demo, target); len(left) != 0 {
			t.Fatalf("round %d: %v go on", round, left)
		}
	}
	if strings.Contains(stack.Signet(0).Log(), "user:alice") {
		t.Error("the log names the subject")
	}
}
