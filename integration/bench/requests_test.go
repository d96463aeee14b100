package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func testStack() *stack {
	return &stack{vaultToken: "vault-token", env: map[string]string{
		"SIGNET_URL": "http://127.0.0.1:8080", "SIGNET_CLIENT_ID": "demo", "SIGNET_CLIENT_SECRET": "a+secret", "VAULT_ADDR": "http://127.0.0.1:8200",
	}}
}

// parse reads a request as a server does.
func parse(t *testing.T, request []byte) (*http.Request, string) {
	t.Helper()
	req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(request)))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		t.Fatal(err)
	}
	return req, string(body)
}

func TestRequests(t *testing.T) {
	t.Parallel()
	s := testStack()
	form, err := s.toSignet(t.Context(), "/oauth2/token", url.Values{"grant_type": {"client_credentials"}})
	if err != nil {
		t.Fatal(err)
	}
	req, body := parse(t, form)
	if id, secret, ok := req.BasicAuth(); !ok || id != "demo" || secret != "a%2Bsecret" || body != "grant_type=client_credentials" ||
		req.URL.Path != "/oauth2/token" || req.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		t.Errorf("%+v %s", req, body)
	}
	direct, err := s.toVault(t.Context(), "transit/sign/k", s.vaultToken, map[string]string{"a": "b"})
	if err != nil {
		t.Fatal(err)
	}
	if req, body := parse(t, direct); req.Header.Get("X-Vault-Token") != "vault-token" || body != `{"a":"b"}` || req.URL.Path != "/v1/transit/sign/k" || req.Host != "127.0.0.1:8200" {
		t.Errorf("%+v %s", req, body)
	}
}

func TestSame(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]bool{`{"a":"b"}`: true, `{"error":"x"}`: false, `{"a":"b"},{"a":"b"}`: false, "": false} {
		caller := same([]byte("ask"), `"a":"b"`, 1)()
		if request, err := caller(nil); string(request) != "ask" || err != nil {
			t.Errorf("%s, %v", request, err)
		}
		request, err := caller([]byte(answer))
		if (err == nil) != want || want && string(request) != "ask" || err != nil && !errors.Is(err, errAnswer) {
			t.Errorf("%s: %s, %v", answer, request, err)
		}
	}
}

// TestChain: each connection logs in, and then presents what it got last.
func TestChain(t *testing.T) {
	t.Parallel()
	next := []byte("refresh_token=" + placeholder)
	one, other := chain([]byte("login"), next), chain([]byte("login"), next)
	if first, err := one(nil); string(first) != "login" || err != nil {
		t.Fatalf("%s, %v", first, err)
	}
	for _, letter := range []string{"a", "b"} {
		token := strings.Repeat(letter, refreshTokenLength)
		request, err := one([]byte(`{"access_token":"eyJ","refresh_token":"` + token + `","expires_in":300}`))
		if err != nil || string(request) != "refresh_token="+token {
			t.Errorf("%s, %v", request, err)
		}
	}
	if request, err := other([]byte(`{"refresh_token":"` + strings.Repeat("c", refreshTokenLength) + `"}`)); err != nil || bytes.ContainsAny(request, "ab") != bytes.ContainsAny(next, "ab") {
		t.Errorf("%s, %v: it has something of the other connection", request, err)
	}
	for _, answer := range []string{`{}`, `{"refresh_token":"short"}`, `{"refresh_token":"cut`} {
		if _, err := one([]byte(answer)); !errors.Is(err, errAnswer) {
			t.Errorf("%s: %v", answer, err)
		}
	}
}

// TestInTurn: all callers together go through the requests, none is left out.
func TestInTurn(t *testing.T) {
	t.Parallel()
	newCaller := inTurn([][]byte{[]byte("a"), []byte("b"), []byte("c")}, "ok")
	callers := []func([]byte) ([]byte, error){newCaller(), newCaller()}
	asked := map[string]int{}
	for i := range 12 {
		request, err := callers[i%2]([]byte("ok"))
		if err != nil {
			t.Fatal(err)
		}
		asked[string(request)]++
	}
	if len(asked) != 3 || asked["a"] != 4 || asked["b"] != 4 {
		t.Errorf("%v", asked)
	}
	if _, err := callers[0]([]byte("denied")); !errors.Is(err, errAnswer) {
		t.Errorf("%v", err)
	}
}

// TestWith: what is changed for one is not for others.
func TestWith(t *testing.T) {
	t.Parallel()
	s := testStack()
	if other := s.with(map[string]string{"SIGNET_URL": "http://other"}); other.host("SIGNET_URL") != "other" || s.host("SIGNET_URL") != "127.0.0.1:8080" || other.vaultToken != s.vaultToken {
		t.Errorf("%+v", other)
	}
}
