package httpapi

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"signet/audit"
	"signet/clients"
)

// noteRefusal records that a client was refused something, or was not one. What
// a dependency did is no refusal, and what nobody claimed to be allowed is none either.
func (s *Server) noteRefusal(c echo.Context, err error) {
	status := c.Response().Status
	if s.cfg.Journal == nil || err == nil || status < 400 || status >= 500 {
		return
	}
	r := refusalOf(c, answerOf(err))
	if of := callOf(c); of.clientID != "" {
		r.Event, r.ClientID = audit.EventRefused, of.clientID
	} else if status == http.StatusUnauthorized {
		r.Event = audit.EventAuthenticationFailed
		r.ClientID = shortened(of.claimedID)
	} else {
		return
	}
	s.cfg.Journal.Note(r)
}

// noteRefused records that one of a list's requests was refused something.
func (s *Server) noteRefused(c echo.Context, client *clients.Client, a answer) {
	if s.cfg.Journal == nil || a.status >= 500 {
		return
	}
	r := refusalOf(c, a)
	r.Event, r.ClientID = audit.EventRefused, client.ID
	s.cfg.Journal.Note(r)
}

func refusalOf(c echo.Context, a answer) audit.Record {
	return audit.Record{Endpoint: c.Path(), Remote: peer(c.Request().RemoteAddr), TraceID: traceID(c), Code: string(a.code), Reason: a.description}
}

// shortened keeps what anybody may claim to be from filling a record, or a
// terminal: ids of clients are printable ASCII.
func shortened(id string) string {
	const most = 128
	cut := ""
	if len(id) > most {
		id, cut = id[:most], "..."
	}
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e {
			return '?'
		}
		return r
	}, id) + cut
}
