package integration_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"signet/integration"
)

// requests are n requests for tokens; each has what more says.
func requests(n int, more map[string]any) []map[string]any {
	all := make([]map[string]any, n)
	for i := range all {
		all[i] = map[string]any{"subject": fmt.Sprintf("user:%d", i)}
		maps.Copy(all[i], more)
	}
	return all
}

// listed is an item of a list's answer.
type listed struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	Error        *struct {
		Status     int    `json:"status"`
		Error      string `json:"error"`
		RetryAfter int    `json:"retry_after"`
	} `json:"error"`
}

func postList(t *testing.T, s *integration.Signet, as integration.Client, requests []map[string]any) []listed {
	t.Helper()
	r := s.PostJSON(t, "/v1/tokens", as, map[string]any{"tokens": requests}).Want(t, http.StatusOK)
	var answer struct {
		Tokens []listed `json:"tokens"`
	}
	if err := json.Unmarshal(r.Body, &answer); err != nil || len(answer.Tokens) != len(requests) {
		t.Fatalf("%d answers to %d requests, %v", len(answer.Tokens), len(requests), err)
	}
	if r.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("Cache-Control %q, want no-store", r.Header.Get("Cache-Control"))
	}
	return answer.Tokens
}

// verifiedClaims checks a token's signature by the replica's JWK set alone.
func verifiedClaims(t *testing.T, keys *jose.JSONWebKeySet, token string) (c struct {
	Subject string `json:"sub"`
	ID      string `json:"jti"`
},
) {
	t.Helper()
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := signed.Verify(keys)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(payload, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// records are a replica's issuance records of one event.
func records(t *testing.T, stack *integration.Stack, event string) (all []record) {
	t.Helper()
	text, err := os.ReadFile(stack.Records(0))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		var r record
		if !bytes.HasSuffix(line, []byte("\n")) {
			break // it is being written
		}
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		if r.Event == event {
			all = append(all, r)
		}
	}
	return all
}

type record struct {
	Event, JTI, Sub, Code string
	Batch                 uint64
	Count                 int
	Outcome               string
	Outcomes              []string
}

// TestListOfAThousand: a thousand tokens in one call are signed in few requests
// to Vault, come in order, verify, and stand in the records once each.
func TestListOfAThousand(t *testing.T) {
	const n = 1000
	stack := integration.New(t, nil)
	s := stack.Signet(0)
	answers := postList(t, s, stack.Demo, requests(n, nil))
	keys := &jose.JSONWebKeySet{}
	if err := json.Unmarshal(s.Get(t, "/.well-known/jwks.json").Body, keys); err != nil {
		t.Fatal(err)
	}
	recorded, batches := map[string]int{}, map[uint64]bool{}
	for _, r := range records(t, stack, "token") {
		recorded[r.JTI+" "+r.Sub]++
		batches[r.Batch] = true
	}
	for i, item := range answers {
		claims := verifiedClaims(t, keys, item.AccessToken)
		if claims.Subject != fmt.Sprintf("user:%d", i) {
			t.Fatalf("item %d is for %s", i, claims.Subject)
		}
		if times := recorded[claims.ID+" "+claims.Subject]; times != 1 {
			t.Errorf("item %d is in the records %d times", i, times)
		}
	}
	if len(recorded) != n || len(batches) > n/10 {
		t.Errorf("%d tokens in the records, in %d batches", len(recorded), len(batches))
	}
	if got := s.Metric(t, "signet_tokens_issued_total", `grant="issue"`); got != n {
		t.Errorf("%v tokens counted", got)
	}
	t.Logf("%d requests to Vault for %d tokens", len(batches), n)
}

// TestListWithBadItems: each fails alone, and the refusals are in the records,
// summed up where they are very many.
func TestListWithBadItems(t *testing.T) {
	stack := integration.New(t, nil)
	s := stack.Signet(0)
	all := requests(300, nil)
	for i := range all {
		switch i % 3 {
		case 1:
			all[i]["scope"] = "root"
		case 2:
			all[i]["nonce"] = "x"
		}
	}
	codes := []string{"", "invalid_scope", "invalid_request"}
	for i, item := range postList(t, s, stack.Demo, all) {
		code := ""
		if item.Error != nil {
			code = item.Error.Error
		}
		if code != codes[i%3] || (item.AccessToken == "") != (code != "") {
			t.Errorf("item %d: code %q, want %q", i, code, codes[i%3])
		}
	}
	integration.Eventually(t, 10*time.Second, "200 refusals are in the records", func() bool {
		refused := 0
		for _, r := range records(t, stack, "refused") {
			refused += max(1, r.Count)
		}
		return refused == 200
	})
	if n := len(records(t, stack, "token")); n != 100 {
		t.Errorf("%d tokens in the records", n)
	}
}

// TestListWithSessions: refresh tokens come in order too, and work.
func TestListWithSessions(t *testing.T) {
	stack := integration.New(t, nil)
	s := stack.Signet(0)
	answers := postList(t, s, stack.Demo, requests(200, map[string]any{"refresh": true, "label": "batch"}))
	for i, item := range answers {
		refreshed := s.Refresh(t, stack.Demo, item.RefreshToken).Want(t, http.StatusOK).String(t, "access_token")
		found := s.Post(t, "/oauth2/introspect", stack.Demo, url.Values{"token": {refreshed}})
		if want := fmt.Sprintf("user:%d", i); found.String(t, "sub") != want {
			t.Errorf("item %d: a session of %s", i, found.String(t, "sub"))
		}
	}
	sessions := s.Ask(t, http.MethodGet, "/v1/sessions?client=demo&limit=1000", stack.Demo).Want(t, http.StatusOK)
	if list, _ := sessions.JSON["sessions"].([]any); len(list) != len(answers) {
		t.Errorf("%d sessions", len(list))
	}
}

// TestListWhileVaultIsAway: sealed or out of reach, every item is unavailable,
// within the request's deadline, and lists come again by themselves.
func TestListWhileVaultIsAway(t *testing.T) {
	if !integration.OnlyOn(t, integration.Docker, integration.Process) {
		return
	}
	stack := integration.New(t, nil)
	s := stack.Signet(0)
	for name, outage := range map[string]struct{ begin, end func() }{
		"sealed":      {func() { stack.Vault.Seal(t) }, func() { stack.Vault.Unseal(t) }},
		"unreachable": {stack.VaultLink.Cut, stack.VaultLink.Restore},
	} {
		outage.begin()
		began := time.Now()
		for i, item := range postList(t, s, stack.Demo, requests(1000, nil)) {
			if item.Error == nil || item.Error.Status != 503 || item.Error.Error != "temporarily_unavailable" || item.Error.RetryAfter < 1 {
				t.Fatalf("%s: item %d: %+v", name, i, item)
			}
		}
		if took := time.Since(began); took > 4*time.Second { // the deadline is 3 s
			t.Errorf("%s: it took %v", name, took)
		}
		outage.end()
		integration.Eventually(t, 15*time.Second, "lists again, after "+name, func() bool {
			return postList(t, s, stack.Demo, requests(1, nil))[0].AccessToken != ""
		})
	}
	if n := s.Metric(t, "signet_tokens_issued_total", `grant="issue"`); n != 2 {
		t.Errorf("%v tokens counted", n)
	}
}

// TestListsDoNotStarveAnother: beside a client whose lists keep a slow ring busy,
// another one with a single connection waits for a request or two to Vault, not
// for a list.
func TestListsDoNotStarveAnother(t *testing.T) {
	stack, issue := slowRing(t)
	s := stack.Signet(0)
	greedy := newCrowd(t, 3, func() int {
		r, err := s.TryPostJSON("/v1/tokens", stack.Demo, map[string]any{"tokens": requests(1000, nil)})
		if err != nil {
			return 0
		}
		return r.Status
	})
	integration.Eventually(t, 60*time.Second, "the lists are answered", func() bool { return greedy.served() >= 3 })
	greedy.forget()
	var waits []time.Duration
	for range 15 {
		waits = append(waits, issue())
	}
	greedy.stop()
	own, lists := median(waits), greedy.median()
	t.Logf("the single connection waited %v, a list %v (medians); %d lists were answered", own, lists, greedy.served())
	if own > lists*4/10 {
		t.Errorf("the single connection waited %v (median), a list %v: it stands in its line", own, lists)
	}
	if strings.Contains(s.Log(), "canary failed") {
		t.Error("lists are no outage, but a canary failed")
	}
}

// TestListWhoseCallerLeaves: nothing more is asked for, and the records say that
// what was signed for it was handed to nobody.
func TestListWhoseCallerLeaves(t *testing.T) {
	stack := integration.New(t, &integration.Options{
		Rings: []integration.Ring{{Name: "signet-rs256", Algorithm: "RS256", RSABits: 4096}},
	})
	s := stack.Signet(0)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	body, err := json.Marshal(map[string]any{"tokens": requests(1000, nil)})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/v1/tokens", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.SetBasicAuth(stack.Demo.ID, stack.Demo.Secret)
	done := make(chan error, 1)
	go func() { _, err := s.Send(r); done <- err }()
	integration.Eventually(t, 30*time.Second, "some are signed", func() bool { return s.Metric(t, "signet_signs_total", `result="ok"`) > 20 })
	leave()
	if err := <-done; err == nil {
		t.Fatal("the list was answered before the caller could leave")
	}
	integration.Eventually(t, 10*time.Second, "withheld tokens are in the records", func() bool { return len(records(t, stack, "withheld")) > 0 })
	if n := s.Metric(t, "signet_tokens_issued_total", `grant="issue"`); n != 0 {
		t.Errorf("%v tokens count as handed out", n)
	}
	declared := map[string]bool{}
	for _, r := range records(t, stack, "token") {
		declared[r.JTI] = true
	}
	if len(declared) == 1000 {
		t.Error("all were asked for though nobody waited for them")
	}
	for _, r := range records(t, stack, "withheld") {
		if !declared[r.JTI] {
			t.Errorf("withheld without a declaration: %s", r.JTI)
		}
	}
}
