package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"signet/httpapi"
	"signet/refresh"
)

func newSessionsListCommand() *cobra.Command {
	var o sessionsOptions
	var format output
	limit := refresh.DefaultLimit
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Count the sessions by client, or list those of a subject or a client",
		Long: `Count the sessions that go on, client by client, for every client of the clients
file; or, with --subject, --client or both, list them, the newest first.

A client that is no longer in the file is counted by naming it: its sessions
are of no use, for nobody can authenticate as it, but they are there until they
end.`,
		Example: `  signet sessions list --config signet.yaml
  signet sessions list --config signet.yaml --subject user:alice -o json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := format.check(); err != nil {
				return err
			}
			if err := given(cmd); err != nil {
				return err
			}
			if cmd.Flags().Changed("limit") && o.owner == (refresh.Owner{}) {
				return usage("--limit is for a list: name a --subject or a --client")
			}
			if limit < 0 {
				return usage("--limit %d: use a number of sessions, or 0 for all", limit)
			}
			s, err := openSessions(o, cmd)
			if err != nil {
				return err
			}
			defer s.close()
			if o.owner == (refresh.Owner{}) {
				return s.count(cmd.Context(), format)
			}
			return s.list(cmd.Context(), o.owner, limit, format)
		},
	}
	o.add(cmd)
	cmd.Flags().IntVar(&limit, "limit", limit, "how many sessions; 0 for all")
	format.add(cmd)
	return cmd
}

// clientCount is a client's line of the count.
type clientCount struct {
	ClientID string `json:"client_id"`
	Sessions int    `json:"sessions"`
	// LastUsedAt is when the one that was used last was; nil for none.
	LastUsedAt *time.Time `json:"last_used_at,omitempty"`
}

func (s *sessions) count(ctx context.Context, format output) error {
	registry, err := s.clientsFile()
	if err != nil {
		return err
	}
	counts := []clientCount{}
	for _, id := range registry.IDs() {
		n, last, err := s.countOwner(ctx, refresh.Owner{ClientID: id})
		if err != nil {
			return err
		}
		one := clientCount{ClientID: id, Sessions: n}
		if !last.IsZero() {
			last = last.UTC().Truncate(time.Second)
			one.LastUsedAt = &last
		}
		counts = append(counts, one)
	}
	if format == outputJSON {
		return encodeJSON(s.out, struct {
			Clients []clientCount `json:"clients"`
		}{counts})
	}
	t := newTable(s.out)
	t.row("CLIENT", "SESSIONS", "LAST USED")
	for _, one := range counts {
		used := none
		if one.LastUsedAt != nil {
			used = utc(*one.LastUsedAt)
		}
		t.row(one.ClientID, strconv.Itoa(one.Sessions), used)
	}
	return t.Flush()
}

// countOwner says how many sessions there are, and when one was used last.
func (s *sessions) countOwner(ctx context.Context, o refresh.Owner) (n int, last time.Time, err error) {
	said := progress{out: s.err, every: 2 * time.Second}
	err = s.each(ctx, o, func(page []refresh.Session) bool {
		n += len(page)
		for i := range page {
			if page[i].LastUsedAt.After(last) {
				last = page[i].LastUsedAt
			}
		}
		said.say("counting sessions %s: %d", whose(o), n)
		return true
	})
	return n, last, err
}

func (s *sessions) list(ctx context.Context, o refresh.Owner, limit int, format output) error {
	said := progress{out: s.err, every: 2 * time.Second}
	found, more := []refresh.Session{}, false
	err := s.each(ctx, o, func(page []refresh.Session) bool {
		found = append(found, page...)
		if limit > 0 && len(found) > limit {
			found, more = found[:limit], true
		}
		said.say("reading sessions: %d", len(found))
		return !more
	})
	if err != nil {
		return err
	}
	if more {
		_, _ = fmt.Fprintf(s.err, "note: there are more than %d; --limit 0 shows all\n", limit)
	}
	if format == outputJSON {
		return sessionsJSON(s.out, found)
	}
	t := newTable(s.out)
	t.row("SID", "CLIENT", "SUBJECT", "CREATED", "LAST USED", "ENDS IF IDLE", "ENDS", "LABEL")
	for i := range found {
		f := &found[i]
		t.row(f.SID, printable(f.ClientID), printable(f.Subject), utc(f.CreatedAt), utc(f.LastUsedAt), utc(f.IdleExpiresAt), utc(f.ExpiresAt), orNone(printable(f.Label)))
	}
	return t.Flush()
}

// sessionJSON has the members of the API's sessions, and what only operators see.
type sessionJSON struct {
	httpapi.SessionJSON

	Generation uint32 `json:"generation"`
}

func sessionsJSON(out io.Writer, found []refresh.Session) error {
	list := make([]sessionJSON, 0, len(found))
	for i := range found {
		list = append(list, sessionJSON{SessionJSON: httpapi.ShowSession(&found[i]), Generation: found[i].Generation})
	}
	return encodeJSON(out, struct {
		Sessions []sessionJSON `json:"sessions"`
	}{list})
}
