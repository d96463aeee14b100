package httpapi

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

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
	response, err := s.Tokens.Issue(c.Request().Context(), client, request)
	if err != nil {
		return err
	}
	return writeToken(c, response)
}

// parseIssue reads the body strictly: names are case-sensitive, known and
// unique, for a member that is silently ignored is a restriction lost.
func parseIssue(body []byte) (issuer.IssueRequest, error) {
	var r issuer.IssueRequest
	if !utf8.Valid(body) {
		return r, malformed("the body is not UTF-8")
	}
	members, ok := parseObject(body)
	if !ok {
		return r, malformed("the body must be one JSON object without repeated names")
	}
	var ttl string
	into := map[string]any{
		"subject": &r.Subject, "audience": &r.Audience, "scope": &r.Scope, "ttl": &ttl,
		"ring": &r.Ring, "refresh": &r.Refresh, "label": &r.Label,
	}
	for name, value := range members {
		if name == "claims" {
			if r.Claims, ok = parseObject(value); !ok {
				return r, malformed("claims must be an object without repeated names")
			}
			continue
		}
		target, known := into[name]
		if !known {
			return r, malformed("the body has an unknown member; known are subject, audience, scope, claims, ttl, ring, refresh, label")
		}
		if bytes.Equal(value, []byte("null")) || json.Unmarshal(value, target) != nil {
			return r, malformed("%s has the wrong type", name)
		}
	}
	if strings.ContainsRune(r.Subject, utf8.RuneError) {
		// What encoding/json makes of half a surrogate pair: different texts
		// would become one subject.
		return r, malformed("subject is not Unicode text")
	}
	if ttl != "" {
		d, err := time.ParseDuration(ttl)
		if err != nil || d <= 0 {
			return r, malformed("ttl must be a duration such as 5m")
		}
		r.TTL = d
	}
	return r, nil
}

// parseObject splits a JSON object into its members. encoding/json alone would
// let the last of two equal names win.
func parseObject(text []byte) (map[string]json.RawMessage, bool) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if open, err := decoder.Token(); err != nil || open != json.Delim('{') {
		return nil, false
	}
	members := map[string]json.RawMessage{}
	for decoder.More() {
		token, err := decoder.Token()
		name, isString := token.(string)
		if err != nil || !isString {
			return nil, false
		}
		if _, repeated := members[name]; repeated {
			return nil, false
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, false
		}
		members[name] = value
	}
	if _, err := decoder.Token(); err != nil {
		return nil, false
	}
	_, err := decoder.Token()
	return members, err == io.EOF
}
