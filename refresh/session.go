package refresh

import (
	"encoding/json"
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

// body is the sealed part of a record as it is stored. SID and absolute end
// are sealed beside it, see sealOf.
type body struct {
	Client   string   `json:"c"`
	Subject  string   `json:"s"`
	Scope    string   `json:"o,omitempty"`
	Audience []string `json:"a,omitempty"`
	Sender   string   `json:"n,omitempty"`
	Label    string   `json:"l,omitempty"`
	AuthTime int64    `json:"t,omitempty"` // seconds
	Created  int64    `json:"r"`           // milliseconds
}

func encodeBody(s *Session) ([]byte, error) {
	b := body{
		Client: s.ClientID, Subject: s.Subject, Scope: s.Scope, Audience: s.Audience,
		Sender: s.Sender, Label: s.Label, Created: s.CreatedAt.UnixMilli(),
	}
	if !s.AuthTime.IsZero() {
		b.AuthTime = s.AuthTime.Unix()
	}
	return json.Marshal(b)
}

// session reads a record whose seal was found whole.
func (r *record) session(sid string) (Session, error) {
	var b body
	if err := json.Unmarshal(r.body, &b); err != nil {
		return Session{}, err
	}
	s := Session{
		SID: sid, ClientID: b.Client, Subject: b.Subject, Scope: b.Scope, Audience: b.Audience,
		Label: b.Label, Sender: b.Sender,
		CreatedAt: time.UnixMilli(b.Created).UTC(), ExpiresAt: time.UnixMilli(r.absoluteEnd).UTC(),
		IdleExpiresAt: time.UnixMilli(r.idleEnd).UTC(), LastUsedAt: time.UnixMilli(r.rotatedAt).UTC(),
		Generation: r.generation,
	}
	if b.AuthTime != 0 {
		s.AuthTime = time.Unix(b.AuthTime, 0).UTC()
	}
	return s, nil
}
