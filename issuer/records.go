package issuer

import (
	"context"
	"errors"

	"signet/audit"
	"signet/refresh"
	"signet/signer"
)

// Journal takes the records of what is no signature; *journal.Journal is one. It
// must not block for long.
type Journal interface {
	Note(r audit.Record)
}

type noJournal struct{}

func (noJournal) Note(audit.Record) {}

// note records what a client had done, and how its request came in.
func (i *Issuer) note(ctx context.Context, clientID string, r audit.Record) {
	caller := callerOf(ctx)
	r.ClientID, r.Auth, r.Remote, r.TraceID = clientID, caller.Auth, caller.Remote, caller.TraceID
	i.cfg.Journal.Note(r)
}

// withheld records that a signed token goes to nobody, because of err.
func (i *Issuer) withheld(ctx context.Context, token signer.Token, err error) {
	c := token.Claims
	i.note(ctx, c.ClientID, audit.Record{
		Event: audit.EventWithheld, JTI: c.ID, SID: c.SessionID, Subject: c.Subject, Reason: string(asError(err).Code),
	})
}

// withheldFor is withheld, to be deferred: for an error that there is at the end. One
// that is ErrPanic to begin with still is when a panic kept it from being another.
func (i *Issuer) withheldFor(ctx context.Context, token signer.Token, err *error) {
	if *err != nil {
		i.withheld(ctx, token, *err)
	}
}

// endedAll records that sessions were ended. Where it failed they may have been
// all the same, so that is recorded too.
func (i *Issuer) endedAll(ctx context.Context, clientID string, o refresh.Owner, n int, err error) {
	r := audit.Record{Event: audit.EventRevoked, Kind: "sessions", Subject: o.Subject, Owner: o.ClientID, Count: n}
	i.revoked(ctx, clientID, r, err)
}

func (i *Issuer) revoked(ctx context.Context, clientID string, r audit.Record, err error) {
	if refused, ok := errors.AsType[*Error](err); ok && refused.Code != Unavailable {
		return // nothing was tried
	}
	if err != nil {
		r.Reason = "not confirmed: " + string(asError(err).Code)
	}
	i.note(ctx, clientID, r)
}
