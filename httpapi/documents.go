package httpapi

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"signet/issuer"
)

const jwksPath = "/.well-known/jwks.json"

// jwks is GET /.well-known/jwks.json (RFC 7517), from memory.
func (s *Server) jwks(c echo.Context) error {
	set := s.cfg.Keys()
	if !set.Loaded {
		return &refusal{code: issuer.Unavailable, description: "the keys have not been read yet", retryAfter: time.Second}
	}
	header := c.Response().Header()
	header["Etag"] = []string{set.ETag} // canonical, as net/http spells it
	cacheable(header, "public, max-age="+seconds(jittered(set.MaxAge))+", stale-if-error="+seconds(set.StaleIfError))
	if known := c.Request().Header.Values("If-None-Match"); len(known) > 0 && matches(strings.Join(known, ","), set.ETag) {
		if err := c.NoContent(http.StatusNotModified); err != nil {
			return err
		}
	} else {
		header[echo.HeaderContentType] = jwkSetValue
		if err := c.Blob(http.StatusOK, jwkSetValue[0], set.Body); err != nil {
			return err
		}
	}
	if c.Request().Method == http.MethodGet { // who asks with HEAD gets no key
		s.cfg.Fetched(set.Keys)
	}
	return nil
}

func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }

// jittered takes up to a tenth off, so that verifiers that started together do
// not come back together. Never more than was promised: rotation waits for it.
func jittered(d time.Duration) time.Duration {
	return d - rand.N(d/10+1) //nolint:gosec // spreads load, hides nothing
}

// matches is If-None-Match (RFC 9110 section 13.1.2), which compares weakly.
func matches(header, etag string) bool {
	for candidate := range strings.SplitSeq(header, ",") {
		candidate = strings.TrimSpace(candidate)
		if candidate == "*" || strings.TrimPrefix(candidate, "W/") == etag {
			return true
		}
	}
	return false
}

// metadata is RFC 8414 section 2 and OpenID Connect Discovery section 3, as far
// as Signet has what they describe. Whatever is omitted would mean a default
// that is not ours, so the lists are always there.
type metadata struct {
	Issuer                string   `json:"issuer"`
	TokenEndpoint         string   `json:"token_endpoint"`
	RevocationEndpoint    string   `json:"revocation_endpoint"`
	IntrospectionEndpoint string   `json:"introspection_endpoint"`
	JWKSURI               string   `json:"jwks_uri"`
	GrantTypes            []string `json:"grant_types_supported"`
	ResponseTypes         []string `json:"response_types_supported"`
	TokenAuth             []string `json:"token_endpoint_auth_methods_supported"`
	RevocationAuth        []string `json:"revocation_endpoint_auth_methods_supported"`
	IntrospectionAuth     []string `json:"introspection_endpoint_auth_methods_supported"`
	SubjectTypes          []string `json:"subject_types_supported,omitempty"`
	IDTokenAlgorithms     []string `json:"id_token_signing_alg_values_supported,omitempty"`
}

func (s *Server) describe() metadata {
	base := strings.TrimSuffix(s.cfg.Issuer, "/")
	methods := []string{"client_secret_basic", "client_secret_post"}
	return metadata{
		Issuer:        s.cfg.Issuer,
		TokenEndpoint: base + "/oauth2/token", RevocationEndpoint: base + "/oauth2/revoke",
		IntrospectionEndpoint: base + "/oauth2/introspect", JWKSURI: base + jwksPath,
		GrantTypes:    []string{"client_credentials", "refresh_token"},
		ResponseTypes: []string{},
		TokenAuth:     methods, RevocationAuth: methods, IntrospectionAuth: methods,
	}
}

// authorizationServer is GET /.well-known/oauth-authorization-server.
func (s *Server) authorizationServer() echo.HandlerFunc { return published(s.describe()) }

// openIDConfiguration is GET /.well-known/openid-configuration, for the many
// verifiers that find the JWK set only there. Signet has no ID tokens; readers
// want the members all the same, and the algorithms tell them what to expect.
func (s *Server) openIDConfiguration() echo.HandlerFunc {
	m := s.describe()
	m.ResponseTypes = []string{"id_token"}
	m.SubjectTypes, m.IDTokenAlgorithms = []string{"public"}, s.cfg.Algorithms
	return published(m)
}

func published(m metadata) echo.HandlerFunc {
	return func(c echo.Context) error {
		cacheable(c.Response().Header(), "public, max-age=300")
		return writeJSON(c, http.StatusOK, echo.MIMEApplicationJSON, m)
	}
}
