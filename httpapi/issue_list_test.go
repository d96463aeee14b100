package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/audit"
	"signet/audit/schematest"
	"signet/clients"
	"signet/httpapi"
	"signet/issuer"
	"signet/signer"
)

// tokensRequest is one to POST /v1/tokens.
func (h *house) tokensRequest(id, body string) *http.Request {
	r := h.as(id, request(http.MethodPost, "/v1/tokens", body))
	r.Header.Set("Content-Type", "application/json")
	return r
}

func listOf(items ...string) string { return `{"tokens":[` + strings.Join(items, ",") + `]}` }

// many are n requests for tokens.
func many(n int) []string {
	items := make([]string, n)
	for i := range items {
		items[i] = fmt.Sprintf(`{"subject":"user:%d"}`, i)
	}
	return items
}

// answers are the items of a list's answer.
func (h *house) answers(w *httptest.ResponseRecorder) []map[string]any {
	h.t.Helper()
	var body struct {
		Tokens []map[string]any `json:"tokens"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" {
		h.t.Fatalf("status %d, %s, %v: %.300s", w.Code, w.Header().Get("Content-Type"), err, w.Body)
	}
	return body.Tokens
}

// subjectOf is the sub claim of an item's token. On a busy machine Redis may answer
// later than introspection waits for it, which then says to ask again.
func (h *house) subjectOf(item map[string]any) any {
	h.t.Helper()
	token, _ := item["access_token"].(string)
	for deadline := time.Now().Add(10 * time.Second); ; {
		w := h.send(h.as("login", request(http.MethodPost, "/oauth2/introspect", "token="+token)))
		if w.Code != http.StatusServiceUnavailable || time.Now().After(deadline) {
			return object(h.t, w)["sub"]
		}
	}
}

// TestList: every item is answered as it would be alone, member by member.
func TestList(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	items := []string{
		goodJSON,
		`{"subject":"user:bob","scope":"profile","refresh":true,"label":"Firefox"}`,
		`{"subject":"user:carol","claims":{"tenant":{"a":[1,{"b":null}]}},"ttl":"1m","ring":"fast","audience":["` + api + `"]}`,
		// Refused by policy.
		`{"subject":"admin:root"}`, `{"subject":"orders"}`, `{"subject":"user:a","scope":"root"}`, `{"subject":"user:a","audience":["https://evil.example.com"]}`,
		`{"subject":"user:a","ring":"other"}`, `{"subject":"user:a","claims":{"roles":1}}`, `{"subject":"user:a","ttl":"2h"}`, `{"subject":"user:a","label":"x"}`,
		// Not what a request is.
		`{}`, `null`, `1`, `"user:a"`, `[]`, `[{"subject":"user:a"}]`, `true`,
		`{"subject":null}`, `{"subject":["user:a"]}`, `{"subject":"user:a","refresh":1}`, `{"subject":"user:a","ttl":"-5m"}`,
		`{"Subject":"user:a"}`, `{"subject":"user:a","nonce":"x"}`,
		// Well-formed, but not the same to every reader.
		`{"subject":"user:a","subject":"user:b"}`, `{"subject":"user:a","\u0073ubject":"user:b"}`, `{"subject":"user:a","claims":{"tenant":{"x":1,"x":2}}}`,
		`{"subject":"user:\ud800"}`, `{"subject":"user:a","claims":{"tenant":1e999}}`, `{"subject":"user:a","claims":{"tenant":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}}`,
		`{ "subject" : "user:dave" }`,
	}
	answers := h.answers(h.send(h.tokensRequest("login", listOf(items...))))
	if len(answers) != len(items) {
		t.Fatalf("%d answers to %d requests", len(answers), len(items))
	}
	for i, got := range answers {
		alone := h.send(h.tokensRequest("login", items[i]))
		want := object(t, alone)
		if alone.Code != http.StatusOK {
			if want = map[string]any{"error": want}; !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %v, alone %v", items[i], got, want)
			}
			continue
		}
		subject := h.subjectOf(want)
		if subject == nil || h.subjectOf(got) != subject {
			t.Errorf("%s: a token for %v, alone for %v", items[i], h.subjectOf(got), subject)
		}
		for _, differs := range []string{"access_token", "refresh_token"} {
			if (got[differs] == want[differs]) != (want[differs] == nil) {
				t.Errorf("%s: %s %v", items[i], differs, got[differs])
			}
			delete(got, differs)
			delete(want, differs)
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s: %v, alone %v", items[i], got, want)
		}
	}
}

// TestListInAList: there is none.
func TestListInAList(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, item := range h.answers(h.send(h.tokensRequest("login", listOf(listOf(goodJSON), `{"subject":"user:a","tokens":[]}`)))) {
		if problem, _ := item["error"].(map[string]any); problem["error"] != "invalid_request" {
			t.Errorf("%v", item)
		}
	}
}

// TestListEnvelope: what is no list of 1 to 1,000 requests is one problem, and
// nothing is signed.
func TestListEnvelope(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	good := listOf(goodJSON)
	for name, c := range map[string]struct {
		client, body string
		status       int
		code         string
	}{
		"empty":                     {"login", `{"tokens":[]}`, 400, "invalid_request"},
		"null":                      {"login", `{"tokens":null}`, 400, "invalid_request"},
		"an object":                 {"login", `{"tokens":` + goodJSON + `}`, 400, "invalid_request"},
		"a text":                    {"login", `{"tokens":"x"}`, 400, "invalid_request"},
		"a number":                  {"login", `{"tokens":1}`, 400, "invalid_request"},
		"a list, without its name":  {"login", `[` + goodJSON + `]`, 400, "invalid_request"},
		"another member":            {"login", `{"tokens":[` + goodJSON + `],"ttl":"5m"}`, 400, "invalid_request"},
		"and a subject":             {"login", `{"subject":"user:alice","tokens":[` + goodJSON + `]}`, 400, "invalid_request"},
		"an unknown member":         {"login", `{"tokens":[` + goodJSON + `],"x":1}`, 400, "invalid_request"},
		"twice":                     {"login", `{"tokens":[` + goodJSON + `],"tokens":[` + goodJSON + `]}`, 400, "invalid_request"},
		"twice, escaped":            {"login", `{"tokens":[` + goodJSON + `],"\u0074okens":[` + goodJSON + `]}`, 400, "invalid_request"},
		"another name":              {"login", `{"Tokens":[` + goodJSON + `]}`, 400, "invalid_request"},
		"1,001":                     {"login", listOf(many(1001)...), 400, "invalid_request"},
		"1,001 that are nothing":    {"login", listOf(strings.Split(strings.Repeat("0,", 1000)+"0", ",")...), 400, "invalid_request"},
		"cut off":                   {"login", good[:len(good)-1], 400, "invalid_request"},
		"a comma at the end":        {"login", `{"tokens":[` + goodJSON + `,]}`, 400, "invalid_request"},
		"an item cut off":           {"login", `{"tokens":[{"subject":]}`, 400, "invalid_request"},
		"text behind":               {"login", good + "x", 400, "invalid_request"},
		"another list behind":       {"login", good + good, 400, "invalid_request"},
		"byte order mark":           {"login", "\ufeff" + good, 400, "invalid_request"},
		"not UTF-8":                 {"login", listOf(goodJSON, "{\"subject\":\"user:\xff\"}"), 400, "invalid_request"},
		"nested without end":        {"login", `{"tokens":[` + strings.Repeat("[", 30_000) + strings.Repeat("]", 30_000) + `]}`, 400, "invalid_request"},
		"too large":                 {"login", listOf(goodJSON, strings.Repeat(" ", 1<<20)+goodJSON), 413, "invalid_request"},
		"by who may not issue":      {"orders", good, 400, "unauthorized_client"},
		"nothing good in it either": {"orders", listOf(`{}`), 400, "unauthorized_client"},
	} {
		t.Run(name, func(t *testing.T) {
			h := &house{t: t, public: h.public, secrets: h.secrets}
			h.refused(h.send(h.tokensRequest(c.client, c.body)), c.status, c.code)
		})
	}
	if n := h.holder.Signs(); n != 0 {
		t.Errorf("%d signatures", n)
	}
}

// TestListOfAThousand is one in another order of its members' names and more than
// 64 KiB long, with a length; without one it is too large.
func TestListOfAThousand(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	items := many(1000)
	items[17] = `{"claims":{"tenant":"` + strings.Repeat("x", 4000) + `"},"subject":"user:17"}`
	items[18] = `{"subject":"user:18","label":"` + strings.Repeat("x", 60_000) + `","refresh":true}`
	answers := h.answers(h.send(h.tokensRequest("login", listOf(items...))))
	if len(answers) != len(items) {
		t.Fatalf("%d answers", len(answers))
	}
	for i, got := range answers {
		switch want := "user:" + strconv.Itoa(i); {
		case i == 18:
			if got["error"] == nil {
				t.Errorf("a label of 60,000 characters: %v", got)
			}
		case h.subjectOf(got) != want:
			t.Errorf("item %d: %v", i, got)
		}
	}
	r := h.tokensRequest("login", listOf(items...))
	r.ContentLength = -1
	h.refused(h.send(r), http.StatusRequestEntityTooLarge, "invalid_request")
	r = h.tokensRequest("login", listOf(many(1000)...)) // 28 KiB
	r.ContentLength = -1
	if n := len(h.answers(h.send(r))); n != 1000 {
		t.Errorf("%d answers", n)
	}
}

// TestListsAreForClients: of a body whose sender is not known nothing is read.
func TestListsAreForClients(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := h.tokensRequest("login", listOf(many(1000)...))
	r.Header.Set("Authorization", basic("login", "wrong"))
	r.Body = untouched{t}
	h.refused(h.send(r), http.StatusUnauthorized, "invalid_client")
}

type untouched struct{ t *testing.T }

func (u untouched) Read([]byte) (int, error) {
	u.t.Error("the body is read")
	return 0, context.Canceled
}
func (untouched) Close() error { return nil }

// TestListInAnOutage: every item says so, and when to come again; a session that
// cannot be stored is the affair of those that want one.
func TestListInAnOutage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	unavailable := func(item map[string]any) {
		t.Helper()
		problem, _ := item["error"].(map[string]any)
		if problem["status"] != 503.0 || problem["error"] != "temporarily_unavailable" || problem["retry_after"] != 2.0 || len(item) != 1 {
			t.Errorf("item %v", item)
		}
	}
	h.redis.SetError("LOADING")
	answers := h.answers(h.send(h.tokensRequest("login", listOf(goodJSON, `{"subject":"user:bob","refresh":true}`, goodJSON))))
	unavailable(answers[1])
	if answers[0]["access_token"] == nil || answers[2]["access_token"] == nil {
		t.Errorf("%v", answers)
	}
	h.holder.Fail(signer.ErrUnavailable)
	answers = h.answers(h.send(h.tokensRequest("login", listOf(many(1000)...))))
	for _, item := range answers {
		unavailable(item)
	}
	if n := len(answers); n != 1000 {
		t.Errorf("%d answers", n)
	}
	for _, logged := range []string{`"tokens":1000,"failed":1000,"error":"temporarily_unavailable`, `"tokens":3,"failed":1,"error":"temporarily_unavailable`} {
		if !strings.Contains(h.log.String(), logged) {
			t.Errorf("the log does not say %s", logged)
		}
	}
}

// buggy has a bug that one request of a list meets, while Vault is down.
type buggy struct{ httpapi.Tokens }

func (buggy) IssueList(context.Context, *clients.Client, issuer.List) ([]issuer.IssueResult, error) {
	return []issuer.IssueResult{
		{Err: &issuer.Error{Code: issuer.Unavailable}}, {Err: fmt.Errorf("%w: the secret is 42", issuer.ErrPanic)}, {Err: &issuer.Error{Code: issuer.Unavailable}},
	}, nil
}

// TestListWithABug: it is counted as any other, and an outage does not hide where
// it is from the log.
func TestListWithABug(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *httpapi.Config) { c.Tokens = buggy{} })
	w := h.send(h.tokensRequest("login", listOf(goodJSON, goodJSON, goodJSON)))
	answers := h.answers(w)
	for i, status := range []float64{503, 500, 503} {
		if problem, _ := answers[i]["error"].(map[string]any); problem["status"] != status {
			t.Errorf("item %d: %v", i, answers[i])
		}
	}
	if strings.Contains(w.Body.String(), "42") {
		t.Errorf("the bug is told: %s", w.Body)
	}
	if n := h.counted("signet_http_panics_total"); n != 1 {
		t.Errorf("%v panics counted", n)
	}
	if record := h.records()[0]; record["level"] != "ERROR" || record["error"] != "panic: the secret is 42" {
		t.Errorf("the log does not say where: %v", record)
	}
}

// TestListRefusalsAreNoted: each item that is refused is on record, and what is
// no refusal is not.
func TestListRefusalsAreNoted(t *testing.T) {
	t.Parallel()
	notes := &schematest.Notes{}
	h := newHouse(t, func(c *httpapi.Config) { c.Journal = notes })
	h.redis.SetError("LOADING")
	h.answers(h.send(h.tokensRequest("login", listOf(goodJSON, `{"subject":"admin:root"}`, `{"subject":"user:bob","refresh":true}`, `{"sub":"x"}`))))
	got := notes.Take(t)
	if len(got) != 2 {
		t.Fatalf("noted %+v", got)
	}
	for i, code := range []string{"access_denied", "invalid_request"} {
		if r := got[i]; r.Event != audit.EventRefused || r.ClientID != "login" || r.Code != code || r.Endpoint != "/v1/tokens" || r.Reason == "" || r.Remote == "" || r.TraceID == "" {
			t.Errorf("noted %+v", r)
		}
	}
}

// TestListsInHand: a client may have three lists in hand, and gets the place back
// with the answer; a single request needs none.
func TestListsInHand(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	signing, answered := make(chan struct{}), make(chan struct{})
	h.holder.OnSign(func(_ context.Context, r signer.Request) error {
		if strings.HasPrefix(r.Claims.Subject, "user:0") {
			signing <- struct{}{}
			<-answered
		}
		return nil
	})
	var lists sync.WaitGroup
	long := listOf(append(many(3), strings.Repeat(" ", 70_000)+goodJSON)...)
	for _, body := range []string{listOf(many(3)...), long, listOf(many(1)...)} {
		lists.Go(func() { h.answers(h.send(h.tokensRequest("login", body))) })
		<-signing
	}
	for _, body := range []string{listOf(goodJSON), long} {
		h.refused(h.send(h.tokensRequest("login", body)), http.StatusServiceUnavailable, "temporarily_unavailable")
	}
	if w := h.send(h.tokensRequest("login", goodJSON)); w.Code != http.StatusOK {
		t.Errorf("a single token beside the lists: %d", w.Code)
	}
	close(answered)
	lists.Wait()
	h.answers(h.send(h.tokensRequest("login", listOf(goodJSON))))
}

func TestListsOfAllClients(t *testing.T) {
	t.Parallel()
	var lists httpapi.Lists
	var leave func()
	for i := range httpapi.MaxLists {
		var err error
		if leave, err = lists.Enter(strconv.Itoa(i % 4)); err != nil {
			t.Fatalf("list %d: %v", i+1, err)
		}
	}
	if _, err := lists.Enter("another"); err == nil {
		t.Error("no bound")
	}
	leave()
	if _, err := lists.Enter("another"); err != nil {
		t.Errorf("the place is not given back: %v", err)
	}
}
