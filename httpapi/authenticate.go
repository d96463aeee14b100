package httpapi

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"signet/clients"
)

// credentials are a client's id and secret as the request has them.
type credentials struct{ id, secret, method string }

// The ways to authenticate (OAuth Token Endpoint Authentication Methods).
const (
	secretBasic = "client_secret_basic"
	secretPost  = "client_secret_post"
)

// authenticate finds who asks. Every failure to prove it is the same answer.
func (s *Server) authenticate(c echo.Context, f form) (*clients.Client, error) {
	given, client, err := s.identify(c.Request().Header, f)
	if err != nil {
		callOf(c).claimedID = given.id
		s.metrics.authentications.WithLabelValues("refused").Inc()
		return nil, err
	}
	s.metrics.authentications.WithLabelValues("accepted").Inc()
	callOf(c).clientID = client.ID
	s.calledBy(c, given.method)
	return client, nil
}

func (s *Server) identify(header http.Header, f form) (credentials, *clients.Client, error) {
	given, err := findCredentials(header, f)
	if err != nil {
		return given, nil, err
	}
	client, err := s.cfg.Clients.Authenticate(given.id, given.secret)
	if err != nil {
		return given, nil, unauthenticated(err)
	}
	return given, client, nil
}

func unauthenticated(cause error) *refusal {
	return &refusal{code: invalidClient, description: "client authentication failed", cause: cause}
}

// findCredentials takes them from exactly one place (RFC 6749 section 2.3).
func findCredentials(header http.Header, f form) (credentials, error) {
	authorization := header.Values(echo.HeaderAuthorization)
	inForm := f.get("client_secret") != ""
	switch {
	case len(authorization) > 1:
		return credentials{}, malformed("there is more than one Authorization header")
	case len(authorization) == 1 && inForm:
		return credentials{}, malformed("the client's credentials are both in the Authorization header and in the body; use one")
	case len(authorization) == 1:
		given, ok := parseBasic(authorization[0])
		if !ok {
			return credentials{}, unauthenticated(nil)
		}
		// Many libraries repeat the id in the body. That is no second method of
		// authentication, as long as it says the same.
		if id := f.get("client_id"); id != "" && id != given.id {
			return credentials{}, malformed("client_id is not the client of the Authorization header")
		}
		return given, nil
	case inForm:
		return credentials{f.get("client_id"), f.get("client_secret"), secretPost}, nil
	default:
		return credentials{}, unauthenticated(nil)
	}
}

// parseBasic reads HTTP Basic credentials (RFC 7617), which OAuth form-encodes
// before it joins them (RFC 6749 section 2.3.1).
func parseBasic(header string) (credentials, bool) {
	scheme, encoded, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(scheme, "Basic") {
		return credentials{}, false
	}
	text, err := base64.StdEncoding.Strict().DecodeString(strings.TrimLeft(encoded, " "))
	if err != nil {
		return credentials{}, false
	}
	id, secret, ok := strings.Cut(string(text), ":")
	if !ok {
		return credentials{}, false
	}
	id, errID := url.QueryUnescape(id)
	secret, errSecret := url.QueryUnescape(secret)
	if errID != nil || errSecret != nil || id == "" || secret == "" {
		return credentials{}, false
	}
	return credentials{id, secret, secretBasic}, true
}
