package httpapi

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/labstack/echo/v4"

	"signet/internal/strictjson"
	"signet/issuer"
)

// issue is POST /v1/tokens.
func (s *Server) issue(c echo.Context) error {
	if err := nothingInURL(c.Request()); err != nil {
		return err
	}
	body, err := readBody(c.Response().Writer, c.Request(), echo.MIMEApplicationJSON)
	if err != nil {
		return err
	}
	client, err := s.authenticate(c, form{})
	if err != nil {
		return err
	}
	request, err := parseIssue(body)
	if err != nil {
		return err
	}
	response, err := s.cfg.Tokens.Issue(c.Request().Context(), client, request)
	if err != nil {
		return err
	}
	return writeToken(c, response)
}

// maxNesting is how deep a body may be nested: the body, its claims, and what
// the signer takes as the value of one.
const maxNesting = 17

// parseIssue reads the body strictly: names are case-sensitive, known and
// unique at any depth, for a member that is silently ignored is a restriction
// lost.
func parseIssue(body []byte) (issuer.IssueRequest, error) {
	var r issuer.IssueRequest
	members, err := strictjson.ParseObject(body, maxNesting)
	if err != nil {
		return r, malformed("the body must be one JSON object in UTF-8, without repeated names, half surrogate pairs or numbers beyond a double, at most %d levels deep", maxNesting)
	}
	var ttl string
	into := map[string]any{
		"subject": &r.Subject, "audience": &r.Audience, "scope": &r.Scope, "ttl": &ttl,
		"ring": &r.Ring, "refresh": &r.Refresh, "label": &r.Label,
	}
	for _, m := range members {
		if m.Name == "claims" {
			if r.Claims, err = parseClaims(m.Value); err != nil {
				return r, err
			}
			continue
		}
		target, known := into[m.Name]
		if !known {
			return r, malformed("the body has an unknown member; known are subject, audience, scope, claims, ttl, ring, refresh, label")
		}
		if bytes.Equal(m.Value, []byte("null")) || json.Unmarshal(m.Value, target) != nil {
			return r, malformed("%s has the wrong type", m.Name)
		}
	}
	if ttl != "" {
		d, err := time.ParseDuration(ttl)
		if err != nil || d <= 0 {
			return r, malformed("ttl must be a duration of at least 1s, such as 5m")
		}
		r.TTL = d
	}
	return r, nil
}

func parseClaims(text json.RawMessage) (map[string]json.RawMessage, error) {
	members, err := strictjson.ParseObject(text, maxNesting-1)
	if err != nil {
		return nil, malformed("claims must be an object")
	}
	claims := make(map[string]json.RawMessage, len(members))
	for _, m := range members {
		claims[m.Name] = m.Value
	}
	return claims, nil
}
