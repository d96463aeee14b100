package httpapi

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/labstack/echo/v4"

	"signet/clients"
	"signet/internal/strictjson"
	"signet/issuer"
)

// issue is POST /v1/tokens, for one token or a list. Nothing is read for whom it
// does not know.
func (s *Server) issue(c echo.Context) error {
	if err := nothingInURL(c.Request()); err != nil {
		return err
	}
	client, err := s.authenticate(c, form{})
	if err != nil {
		return err
	}
	limit, long := int64(maxBody), c.Request().ContentLength > maxBody
	if long { // as only a list may be
		leave, err := s.lists.enter(client.ID)
		if err != nil {
			return err
		}
		defer leave()
		limit = maxListBody
	}
	body, err := readBody(c.Response().Writer, c.Request(), echo.MIMEApplicationJSON, limit)
	if err != nil {
		return err
	}
	list, err := parseList(body)
	switch {
	case err != nil:
		return err
	case list == nil && long:
		return tooLarge(maxBody)
	case list == nil:
		return s.issueOne(c, client, body)
	case !long: // nothing said so before it was read
		leave, err := s.lists.enter(client.ID)
		if err != nil {
			return err
		}
		defer leave()
	}
	return s.issueList(c, client, list)
}

func (s *Server) issueOne(c echo.Context, client *clients.Client, body []byte) error {
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

// maxNesting is how deep a request for a token may be nested: the request, its
// claims, and what the signer takes as the value of one.
const maxNesting = 17

// parseIssue reads a request for one token strictly: names are case-sensitive,
// known and unique at any depth, for a member that is silently ignored is a
// restriction lost.
func parseIssue(body []byte) (issuer.IssueRequest, error) {
	var r issuer.IssueRequest
	members, err := strictjson.ParseObject(body, maxNesting)
	if err != nil {
		return r, malformed("a request for a token must be one JSON object in UTF-8, without repeated names, half surrogate pairs or numbers beyond a double, at most %d levels deep", maxNesting)
	}
	var ttl string
	for _, m := range members {
		if err := setMember(&r, &ttl, m); err != nil {
			return r, err
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

// setMember takes one member of a request for a token.
func setMember(r *issuer.IssueRequest, ttl *string, m strictjson.Member) (err error) {
	ok := true
	switch m.Name {
	case "subject":
		r.Subject, ok = m.Text()
	case "audience":
		ok = unmarshal(m.Value, &r.Audience)
	case "scope":
		r.Scope, ok = m.Text()
	case "claims":
		r.Claims, err = parseClaims(m.Value)
	case "ttl":
		*ttl, ok = m.Text()
	case "ring":
		r.Ring, ok = m.Text()
	case "refresh":
		ok = unmarshal(m.Value, &r.Refresh)
	case "label":
		r.Label, ok = m.Text()
	default:
		return malformed("a request for a token has an unknown member; known are subject, audience, scope, claims, ttl, ring, refresh, label")
	}
	if !ok {
		return malformed("%s has the wrong type", m.Name)
	}
	return err
}

// unmarshal says whether a value, other than null, is one of into's type.
func unmarshal(value json.RawMessage, into any) bool {
	return !bytes.Equal(value, []byte("null")) && json.Unmarshal(value, into) == nil
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
