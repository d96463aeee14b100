package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"signet/integration/bench/loadgen"
)

// errAnswer is an answer with status 200 that is not what was asked for.
var errAnswer = errors.New("the answer is not what was asked for")

// wire is a request as it goes over the wire.
func wire(req *http.Request, err error) ([]byte, error) {
	if err != nil {
		return nil, fmt.Errorf("building a request: %w", err)
	}
	var b bytes.Buffer
	if err := req.Write(&b); err != nil {
		return nil, fmt.Errorf("building a request: %w", err)
	}
	return b.Bytes(), nil
}

// toSignet posts a form (given as url.Values) or a JSON value as the demo client.
func (s *stack) toSignet(ctx context.Context, path string, body any) ([]byte, error) {
	contentType, text := "application/json", ""
	if form, ok := body.(url.Values); ok {
		contentType, text = "application/x-www-form-urlencoded", form.Encode()
	} else {
		raw, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("building a request: %w", err)
		}
		text = string(raw)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.env["SIGNET_URL"]+path, strings.NewReader(text))
	if err == nil {
		req.Header.Set("Content-Type", contentType)
		req.SetBasicAuth(url.QueryEscape(s.env["SIGNET_CLIENT_ID"]), url.QueryEscape(s.env["SIGNET_CLIENT_SECRET"]))
	}
	return wire(req, err)
}

// forToken asks for a token of the demo client's own.
func (s *stack) forToken(ctx context.Context) ([]byte, error) {
	return s.toSignet(ctx, "/oauth2/token", url.Values{"grant_type": {"client_credentials"}})
}

// forKeys asks for the JWK set.
func (s *stack) forKeys(ctx context.Context) ([]byte, error) {
	return wire(http.NewRequestWithContext(ctx, http.MethodGet, s.env["SIGNET_URL"]+"/.well-known/jwks.json", http.NoBody))
}

// toVault posts a JSON value with a token.
func (s *stack) toVault(ctx context.Context, path, token string, body any) ([]byte, error) {
	req, err := s.vaultRequest(ctx, path, token, body)
	if err != nil {
		return nil, err
	}
	return wire(req, nil)
}

// with is the same stack seen by somebody for whom these variables are others.
func (s *stack) with(env map[string]string) *stack {
	other := *s
	other.env = maps.Clone(s.env)
	maps.Copy(other.env, env)
	return &other
}

// host is where a URL of the env file points.
func (s *stack) host(name string) string {
	_, host, _ := strings.Cut(s.env[name], "://")
	return host
}

// same sends one request again and again. Every answer has so many of what is
// wanted in it.
func same(request []byte, want string, times int) func() loadgen.Caller {
	wanted := []byte(want)
	return func() loadgen.Caller {
		return func(answer []byte) ([]byte, error) {
			if answer != nil && bytes.Count(answer, wanted) != times {
				return nil, fmt.Errorf("%w: %s is not in it %d times: %.300s", errAnswer, want, times, answer)
			}
			return request, nil
		}
	}
}

// inTurn sends all requests in turn, over whichever connection is free. Every answer
// has what is wanted in it.
func inTurn(requests [][]byte, want string) func() loadgen.Caller {
	wanted := []byte(want)
	var next atomic.Uint64
	return func() loadgen.Caller {
		return func(answer []byte) ([]byte, error) {
			if answer != nil && !bytes.Contains(answer, wanted) {
				return nil, fmt.Errorf("%w: %s is not in it: %.300s", errAnswer, want, answer)
			}
			return requests[next.Add(1)%uint64(len(requests))], nil
		}
	}
}

// text is a member of a JSON object whose value has no escapes.
func text(answer []byte, name string) ([]byte, error) {
	_, rest, found := bytes.Cut(answer, []byte(`"`+name+`":"`))
	value, _, ended := bytes.Cut(rest, []byte(`"`))
	if !found || !ended {
		return nil, fmt.Errorf("%w: no %s: %.300s", errAnswer, name, answer)
	}
	return value, nil
}

// placeholder is where a refresh token goes: as long as each of them.
var placeholder = strings.Repeat("x", refreshTokenLength)

const refreshTokenLength = 78

// chain logs in, and then refreshes that session again and again, each time with
// the token of the last answer. refresh has the
// placeholder.
func chain(login, refresh []byte) loadgen.Caller {
	refresh = bytes.Clone(refresh)
	at := bytes.Index(refresh, []byte(placeholder))
	return func(answer []byte) ([]byte, error) {
		if answer == nil {
			return login, nil
		}
		token, err := text(answer, "refresh_token")
		if err != nil {
			return nil, err
		}
		if len(token) != len(placeholder) {
			return nil, fmt.Errorf("%w: a refresh token of %d bytes, want %d", errAnswer, len(token), len(placeholder))
		}
		copy(refresh[at:], token)
		return refresh, nil
	}
}
