package refresh

import (
	"encoding/json"
	"errors"
	"time"
)

// Session is one login of a subject at a client.
type Session struct {
	// SID is the session's public name.
	SID string
	// ClientID, Subject, Scope, Audience, Label, Sender, AuthTime are the
	// caller's, and sealed. Sender is a key thumbprint that refreshes must
	// prove, empty for none.
	ClientID, Subject, Scope string
	Audience                 []string
	Label, Sender            string
	AuthTime, CreatedAt      time.Time
	// ExpiresAt is the absolute end, sealed; IdleExpiresAt moves with each
	// rotation, never past it. At either the session is over.
	ExpiresAt, IdleExpiresAt, LastUsedAt time.Time
	// Generation of the newest token.
	Generation uint32
}

// The body is the sealed part of a record as it is stored: when the session was
// created (ms) and when its subject authenticated (s, 0 if unknown), six bytes
// each, and the texts as a JSON list: client, subject, scope, sender, label, and
// the audiences. SID and absolute end are sealed beside it, see sealOf.
const fixedTexts = 5

var errBody = errors.New("the body of a record is too short")

func encodeBody(s *Session) ([]byte, error) {
	texts := append([]string{s.ClientID, s.Subject, s.Scope, s.Sender, s.Label}, s.Audience...)
	list, err := json.Marshal(texts)
	if err != nil {
		return nil, err
	}
	authTime := int64(0)
	if !s.AuthTime.IsZero() {
		authTime = min(max(0, s.AuthTime.Unix()), maxMillis)
	}
	times := bytesOf(s.CreatedAt.UnixMilli(), timeLen) + bytesOf(authTime, timeLen)
	return append([]byte(times), list...), nil
}

// session reads a record whose seal was found whole.
func (r *record) session(sid string) (Session, error) {
	if len(r.body) < 2*timeLen {
		return Session{}, errBody
	}
	created, authTime := number(string(r.body[:timeLen])), number(string(r.body[timeLen:2*timeLen]))
	var texts []string
	if err := json.Unmarshal(r.body[2*timeLen:], &texts); err != nil {
		return Session{}, err
	}
	if len(texts) < fixedTexts {
		return Session{}, errBody
	}
	s := Session{
		SID: sid, ClientID: texts[0], Subject: texts[1], Scope: texts[2], Sender: texts[3], Label: texts[4],
		CreatedAt: time.UnixMilli(created).UTC(), ExpiresAt: time.UnixMilli(r.absoluteEnd).UTC(),
		IdleExpiresAt: time.UnixMilli(r.idleEnd).UTC(), LastUsedAt: time.UnixMilli(r.rotatedAt).UTC(),
		Generation: r.generation,
	}
	if len(texts) > fixedTexts {
		s.Audience = texts[fixedTexts:]
	}
	if authTime != 0 {
		s.AuthTime = time.Unix(authTime, 0).UTC()
	}
	return s, nil
}
