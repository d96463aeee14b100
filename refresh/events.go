package refresh

import (
	"context"
	"log/slog"
	"time"
)

// EventKind is one of a closed set.
type EventKind string

// What is reported of a refresh that was not plain.
const (
	// EventReuse: a used token came again; the session is revoked.
	EventReuse EventKind = "reuse"
	// EventGrace: the same successor was answered again. Harmless by itself.
	EventGrace EventKind = "grace"
	// EventRollForward: Redis had lost a rotation that it acknowledged.
	EventRollForward EventKind = "roll_forward"
	// EventTampered: a record is not what we wrote, or not a record.
	EventTampered EventKind = "tampered"
	// EventRolledBack: Redis is further behind than a failover explains; the
	// session is revoked.
	EventRolledBack EventKind = "rolled_back"
	// EventForeignClient: a client presented another one's token.
	EventForeignClient EventKind = "foreign_client"
)

// Event is a security event of a session. It never holds a token.
type Event struct {
	Kind EventKind
	// SID of the session; ClientID of the client that asked.
	SID, ClientID string
	// Generation that Redis had; Presented is the token's.
	Generation, Presented uint32
	// At is Redis's time.
	At time.Time
}

func (s *Store) report(ctx context.Context, e Event) {
	s.metrics.events.WithLabelValues(string(e.Kind)).Inc()
	level := slog.LevelWarn
	if e.Kind == EventGrace {
		level = slog.LevelInfo
	}
	s.log.LogAttrs(ctx, level, "refresh token event", slog.String("kind", string(e.Kind)), slog.String("sid", e.SID),
		slog.String("client_id", e.ClientID), slog.Uint64("generation", uint64(e.Generation)), slog.Uint64("presented", uint64(e.Presented)))
	if s.events != nil {
		s.events(e)
	}
}
