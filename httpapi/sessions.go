package httpapi

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"signet/clients"
	"signet/refresh"
)

// listSessions is GET /v1/sessions.
func (s *Server) listSessions(c echo.Context) error {
	client, query, err := s.askedOfSessions(c, "subject", "client", "limit", "cursor")
	if err != nil {
		return err
	}
	request := refresh.ListRequest{Cursor: query.Get("cursor")}
	if query.Has("limit") {
		request.Limit, err = strconv.Atoi(query.Get("limit"))
		if err != nil || request.Limit < 1 || request.Limit > refresh.MaxLimit {
			return malformed("limit must be a number from 1 to %d", refresh.MaxLimit)
		}
	}
	if request.Owner, err = ownerOf(query); err != nil {
		return err
	}
	sessions, next, err := s.cfg.Sessions.ListSessions(c.Request().Context(), client, request)
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusOK, echo.MIMEApplicationJSON, sessionList(sessions, next))
}

// endSession is DELETE /v1/sessions/{sid}.
func (s *Server) endSession(c echo.Context) error {
	sid, err := url.PathUnescape(c.Param("sid"))  // echo leaves that to us where the path is not in its usual form
	if err != nil || strings.Contains(sid, "/") { // echo takes the rest of the path for it
		return echo.ErrNotFound
	}
	client, _, err := s.askedOfSessions(c)
	if err != nil {
		return err
	}
	n, err := s.cfg.Sessions.EndSession(c.Request().Context(), client, sid)
	return writeRevoked(c, n, err)
}

// endSessions is DELETE /v1/sessions.
func (s *Server) endSessions(c echo.Context) error {
	client, query, err := s.askedOfSessions(c, "subject", "client")
	if err != nil {
		return err
	}
	owner, err := ownerOf(query)
	if err != nil {
		return err
	}
	n, err := s.cfg.Sessions.EndSessions(c.Request().Context(), client, owner)
	return writeRevoked(c, n, err)
}

func writeRevoked(c echo.Context, n int, err error) error {
	if err != nil {
		return err
	}
	return writeJSON(c, http.StatusOK, echo.MIMEApplicationJSON, map[string]int{"revoked": n})
}

// askedOfSessions authenticates, and reads a query of which each parameter is
// known, there once and not empty: one that is silently ignored may be the one
// that says whose sessions are to end.
func (s *Server) askedOfSessions(c echo.Context, known ...string) (*clients.Client, url.Values, error) {
	client, err := s.authenticate(c, form{})
	if err != nil {
		return nil, nil, err
	}
	if c.Request().ContentLength != 0 {
		return nil, nil, malformed("this endpoint reads no body: its parameters belong into the URL")
	}
	query, err := url.ParseQuery(c.Request().URL.RawQuery)
	if err != nil {
		return nil, nil, malformed("the URL has a query that cannot be read")
	}
	for name, values := range query {
		switch {
		case !slices.Contains(known, name):
			return nil, nil, malformed("the URL has a parameter that this endpoint does not know; it knows %s", orNone(known))
		case len(values) > 1:
			return nil, nil, malformed("the parameter %s occurs more than once", name)
		case values[0] == "" || !utf8.ValidString(values[0]):
			return nil, nil, malformed("the parameter %s is empty or not UTF-8", name)
		}
	}
	return client, query, nil
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// ownerOf wants somebody named: no request means everybody's sessions.
func ownerOf(query url.Values) (refresh.Owner, error) {
	owner := refresh.Owner{Subject: query.Get("subject"), ClientID: query.Get("client")}
	if owner == (refresh.Owner{}) {
		return owner, malformed("name a subject, a client or both, such as ?subject=user:alice")
	}
	return owner, nil
}

// SessionJSON is a session as the API shows it, and `signet sessions list`; times
// are RFC 3339, in UTC.
type SessionJSON struct {
	SID           string   `json:"sid"`
	ClientID      string   `json:"client_id"`
	Subject       string   `json:"subject"`
	CreatedAt     string   `json:"created_at"`
	LastUsedAt    string   `json:"last_used_at"`
	IdleExpiresAt string   `json:"idle_expires_at"`
	ExpiresAt     string   `json:"expires_at"`
	Scope         string   `json:"scope,omitempty"`
	Audience      []string `json:"audience,omitempty"`
	Label         string   `json:"label,omitempty"`
	Sender        string   `json:"sender,omitempty"`
}

// ShowSession gives what is shown of a session.
func ShowSession(s *refresh.Session) SessionJSON {
	moment := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	return SessionJSON{
		SID: s.SID, ClientID: s.ClientID, Subject: s.Subject, CreatedAt: moment(s.CreatedAt), LastUsedAt: moment(s.LastUsedAt),
		IdleExpiresAt: moment(s.IdleExpiresAt), ExpiresAt: moment(s.ExpiresAt),
		Scope: s.Scope, Audience: s.Audience, Label: s.Label, Sender: s.Sender,
	}
}

type sessionListJSON struct {
	Sessions []SessionJSON `json:"sessions"`
	Next     string        `json:"next,omitempty"`
}

func sessionList(sessions []refresh.Session, next string) sessionListJSON {
	list := sessionListJSON{Sessions: make([]SessionJSON, 0, len(sessions)), Next: next}
	for i := range sessions {
		list.Sessions = append(list.Sessions, ShowSession(&sessions[i]))
	}
	return list
}
