package httpapi

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"signet/clients"
	"signet/issuer"
)

// token is POST /oauth2/token.
func (s *Server) token(c echo.Context) error {
	f, client, err := s.form(c)
	if err != nil {
		return err
	}
	audience, err := targets(f)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	var response *issuer.Response
	switch grant := f.get("grant_type"); grant {
	case "client_credentials":
		response, err = s.cfg.Tokens.ClientCredentials(ctx, client, issuer.ClientCredentialsRequest{Scope: f.get("scope"), Audience: audience})
	case "refresh_token":
		if f.get("refresh_token") == "" {
			return malformed("refresh_token is missing")
		}
		response, err = s.cfg.Tokens.Refresh(ctx, client, issuer.RefreshRequest{Token: f.get("refresh_token"), Scope: f.get("scope"), Audience: audience})
	case "":
		return malformed("grant_type is missing")
	default:
		return &refusal{code: unsupportedGrantType, description: "grant_type must be client_credentials or refresh_token"}
	}
	if err != nil {
		return err
	}
	return writeToken(c, response)
}

// form is a form and the client that sent it.
func (s *Server) form(c echo.Context) (form, *clients.Client, error) {
	f, err := readForm(c.Response().Writer, c.Request())
	if err != nil {
		return f, nil, err
	}
	client, err := s.authenticate(c, f)
	return f, client, err
}

// askedAbout is who asks and about which token: what revocation and
// introspection have in common.
func (s *Server) askedAbout(c echo.Context) (client *clients.Client, token string, err error) {
	f, client, err := s.form(c)
	if err != nil {
		return nil, "", err
	}
	if token = f.get("token"); token == "" {
		return nil, "", malformed("token is missing")
	}
	return client, token, nil
}

// targets is audience and resource together. A resource is an absolute URI
// without a fragment (RFC 8707 section 2).
func targets(f form) ([]string, error) {
	audience := f.all("audience")
	for _, resource := range f.all("resource") {
		u, err := url.Parse(resource)
		if err != nil || !u.IsAbs() || strings.Contains(resource, "#") {
			return nil, &refusal{code: issuer.InvalidTarget, description: "resource must be an absolute URI without a fragment"}
		}
		audience = append(audience, resource)
	}
	return audience, nil
}

// revoke is POST /oauth2/revoke (RFC 7009).
func (s *Server) revoke(c echo.Context) error {
	client, token, err := s.askedAbout(c)
	if err != nil {
		return err
	}
	if err := s.cfg.Status.Revoke(c.Request().Context(), client, token); err != nil {
		return err
	}
	return c.NoContent(http.StatusOK)
}

// introspect is POST /oauth2/introspect (RFC 7662).
func (s *Server) introspect(c echo.Context) error {
	client, token, err := s.askedAbout(c)
	if err != nil {
		return err
	}
	found, err := s.cfg.Status.Introspect(c.Request().Context(), client, token)
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusOK, echo.MIMEApplicationJSON, introspection(found))
}

// introspection is the body of RFC 7662 section 2.2. Custom claims come first,
// so that none can stand in for a registered one.
func introspection(found *issuer.Introspection) map[string]any {
	if found == nil {
		return map[string]any{"active": false}
	}
	body := map[string]any{}
	claims := found.Claims
	for name, value := range claims.Custom {
		body[name] = value
	}
	optional := map[string]string{
		"iss": claims.Issuer, "jti": claims.ID, "scope": claims.Scope, "sid": claims.SessionID, "token_type": found.TokenType,
	}
	for name, value := range optional {
		if value != "" {
			body[name] = value
		}
	}
	body["active"], body["sub"], body["client_id"] = true, claims.Subject, claims.ClientID
	body["exp"], body["iat"] = claims.Expiry.Unix(), claims.IssuedAt.Unix()
	body["aud"] = claims.Audience
	if len(claims.Audience) == 1 {
		body["aud"] = claims.Audience[0]
	}
	if found.TokenType != "" {
		body["nbf"] = claims.IssuedAt.Unix()
	}
	if !claims.AuthTime.IsZero() {
		body["auth_time"] = claims.AuthTime.Unix()
	}
	return body
}
