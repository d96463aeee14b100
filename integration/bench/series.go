package main

import (
	"context"
	"fmt"
	"net/url"

	"signet/integration/bench/loadgen"
)

// What is measured. Each has its row at each number of connections.
const (
	direct      = "direct transit/sign"
	credentials = "client_credentials"
	inProcess   = "floor: signs in process"
	refreshing  = "refresh"
	issuing     = "POST /v1/tokens"
	introspect  = "introspection"
	jwkSet      = "JWK set"
	static      = "static handler"
	batches     = "direct, batches of 128"

	directEdDSA  = "direct transit/sign, EdDSA"
	issuingEdDSA = "POST /v1/tokens, EdDSA"
	directRS256  = "direct transit/sign, RS256"
	issuingRS256 = "POST /v1/tokens, RS256"
)

// series is one kind of exchange.
type series struct {
	addr string
	// each is how many signatures or documents one answer has.
	each int
	// begin is called before each measurement, for what lasts no longer.
	begin func(context.Context) (func() loadgen.Caller, error)
}

// one is a series of one signature or document an answer, by requests that are
// always the same, and several one of so many.
func one(addr string, request []byte, want string) series { return several(addr, request, want, 1) }

func several(addr string, request []byte, want string, each int) series {
	return series{addr: addr, each: each, begin: func(context.Context) (func() loadgen.Caller, error) { return same(request, want, each), nil }}
}

// tokensInTurn is a series of one token an answer, by all requests in turn.
func tokensInTurn(addr string, requests [][]byte) series {
	return series{addr: addr, each: 1, begin: func(context.Context) (func() loadgen.Caller, error) { return inTurn(requests, accessToken), nil }}
}

// allSeries builds every request once.
func allSeries(ctx context.Context, s *stack, floor string) (map[string]series, error) {
	all := map[string]series{}
	for _, add := range []func(context.Context, *stack, map[string]series) error{addDirect, addTokens, addLists, addSessions, addDocuments} {
		if err := add(ctx, s, all); err != nil {
			return nil, err
		}
	}
	addClear(all)
	// The floor is asked as Signet is.
	token, err := s.forToken(ctx)
	if err != nil {
		return nil, err
	}
	all[inProcess] = one(floor, token, accessToken)
	all[static] = all[jwkSet].at(floor)
	return all, nil
}

const accessToken = `"access_token":"eyJ`

// at is the same, asked of somebody else.
func (s series) at(addr string) series {
	s.addr = addr
	return s
}

func addTokens(ctx context.Context, s *stack, all map[string]series) error {
	signet := s.host("SIGNET_URL")
	form, err := s.forToken(ctx)
	if err != nil {
		return err
	}
	all[credentials] = one(signet, form, accessToken)
	for name, ring := range map[string]string{issuing: "signet-es256", issuingEdDSA: "signet-eddsa", issuingRS256: "signet-rs256"} {
		request, err := s.toSignet(ctx, "/v1/tokens", map[string]string{"subject": "user:alice", "ring": ring})
		if err != nil {
			return err
		}
		all[name] = one(signet, request, accessToken)
	}
	return nil
}

func addSessions(ctx context.Context, s *stack, all map[string]series) error {
	login, err := s.toSignet(ctx, "/v1/tokens", map[string]any{"subject": "user:alice", "refresh": true})
	if err != nil {
		return err
	}
	refresh, err := s.toSignet(ctx, "/oauth2/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {placeholder}})
	if err != nil {
		return err
	}
	all[refreshing] = series{addr: s.host("SIGNET_URL"), each: 1, begin: func(context.Context) (func() loadgen.Caller, error) {
		return func() loadgen.Caller { return chain(login, refresh) }, nil
	}}
	all[introspect] = series{addr: s.host("SIGNET_URL"), each: 1, begin: s.introspecting}
	return nil
}

// introspecting asks about a token that is fresh.
func (s *stack) introspecting(ctx context.Context) (func() loadgen.Caller, error) {
	request, err := s.forToken(ctx)
	if err != nil {
		return nil, err
	}
	answer, err := loadgen.Once(ctx, s.host("SIGNET_URL"), request)
	if err != nil {
		return nil, fmt.Errorf("getting a token to introspect: %w", err)
	}
	token, err := text(answer, "access_token")
	if err != nil {
		return nil, err
	}
	request, err = s.toSignet(ctx, "/oauth2/introspect", url.Values{"token": {string(token)}})
	return same(request, `"active":true`, 1), err
}

func addDocuments(ctx context.Context, s *stack, all map[string]series) error {
	request, err := s.forKeys(ctx)
	all[jwkSet] = one(s.host("SIGNET_URL"), request, `{"keys":`)
	return err
}

// jwks is the JWK set as Signet serves it.
func (s *stack) jwks(ctx context.Context) ([]byte, error) {
	request, err := s.forKeys(ctx)
	if err != nil {
		return nil, err
	}
	return loadgen.Once(ctx, s.host("SIGNET_URL"), request)
}
