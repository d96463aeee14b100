package issuer

import (
	"context"

	"signet/audit"
	"signet/clients"
	"signet/refresh"
)

// ListSessions gives a page of the sessions of a subject, a client or a subject
// at a client, newest first, and the cursor of the next page, empty at the end.
// A client that may only see its own sees a subject's sessions at itself.
func (i *Issuer) ListSessions(ctx context.Context, client *clients.Client, r refresh.ListRequest) ([]refresh.Session, string, error) {
	var err error
	if r.Owner, err = somebody(client, r.Owner); err != nil {
		return nil, "", i.metrics.done("list_sessions", err)
	}
	sessions, next, err := i.cfg.Directory.List(ctx, r)
	return sessions, next, i.metrics.done("list_sessions", err)
}

// EndSession ends a session by its sid, with every access token of it, and says
// how many that were: 0 if it was over, never was, or is not this client's to end.
func (i *Issuer) EndSession(ctx context.Context, client *clients.Client, sid string) (n int, err error) {
	owner, err := within(client, refresh.Owner{})
	if err != nil {
		return 0, i.metrics.done("end_sessions", err)
	}
	ended, err := i.cfg.Directory.Revoke(ctx, sid, owner.ClientID)
	if ended {
		n = 1
	}
	if ended || err != nil {
		i.revoked(ctx, client.ID, audit.Record{Event: audit.EventRevoked, Kind: "session", SID: sid}, err)
	}
	return n, i.metrics.done("end_sessions", err)
}

// EndSessions ends all sessions of a subject, a client or a subject at a client,
// and every access token that was issued to them until now, with a session or
// without: "log out everywhere".
func (i *Issuer) EndSessions(ctx context.Context, client *clients.Client, owner refresh.Owner) (n int, err error) {
	if owner, err = somebody(client, owner); err != nil {
		return 0, i.metrics.done("end_sessions", err)
	}
	n, err = i.cfg.Directory.RevokeAll(ctx, owner)
	i.endedAll(ctx, client.ID, owner, n, err)
	return n, i.metrics.done("end_sessions", err)
}

// within narrows whose sessions are asked for to those that the client may see.
func within(client *clients.Client, o refresh.Owner) (refresh.Owner, error) {
	switch {
	case client.Sessions == clients.SessionsAll:
	case client.Sessions != clients.SessionsOwn:
		return o, refuse(AccessDenied, "this client may neither list nor end sessions")
	case o.ClientID == "":
		o.ClientID = client.ID
	case o.ClientID != client.ID:
		return o, refuse(AccessDenied, "this client may list and end its own sessions only")
	}
	return o, nil
}

// somebody is within, for requests that must not mean everybody.
func somebody(client *clients.Client, o refresh.Owner) (refresh.Owner, error) {
	o, err := within(client, o)
	if err == nil && o == (refresh.Owner{}) {
		return o, refuse(InvalidRequest, "name a subject, a client or both")
	}
	return o, err
}
