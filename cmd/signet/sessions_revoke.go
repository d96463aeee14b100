package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"signet/refresh"
)

// revokeOptions are the flags of `signet sessions revoke`.
type revokeOptions struct {
	sessionsOptions
	planOptions
	sids []string
}

func newSessionsRevokeCommand() *cobra.Command {
	var o revokeOptions
	cmd := &cobra.Command{
		Use:   "revoke",
		Short: "End sessions: one by its sid, or all of a subject, of a client, or of a subject at a client",
		Long: `End sessions, with their refresh tokens and their access tokens: some by --sid,
or all of a subject, of a client, or of a subject at a client.

With --subject or --client also access tokens end that belong to no session and
were issued until now, a client's own among them; and no session that began
until now goes on, whatever a failover of Redis may bring back. Whoever only
checks signatures goes on accepting an access token until its exp.

It may be repeated, and there is no way back: users log in again.`,
		Example: `  signet sessions revoke --config signet.yaml --subject user:alice
  signet sessions revoke --config signet.yaml --client orders --yes
  signet sessions revoke --config signet.yaml --sid 47DEQpj8HBSa-_TImW-5JA`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(cmd); err != nil {
				return err
			}
			return sessionsRevoke(cmd.Context(), cmd, &o)
		},
	}
	o.sessionsOptions.add(cmd)
	o.planOptions.add(cmd)
	cmd.Flags().StringSliceVar(&o.sids, "sid", nil, "the session of this sid; may repeat")
	return cmd
}

func (o *revokeOptions) check(cmd *cobra.Command) error {
	if err := given(cmd); err != nil {
		return err
	}
	all := o.owner != (refresh.Owner{})
	if all == (len(o.sids) > 0) {
		return usage("say which sessions: either --sid, or --subject and --client or one of them")
	}
	for _, sid := range o.sids {
		if !refresh.IsSID(sid) {
			return usage("--sid %q is no sid: it has 22 letters, digits, - and _, as `signet sessions list` and the claim sid have it", sid)
		}
	}
	return o.planOptions.check(cmd)
}

func sessionsRevoke(ctx context.Context, cmd *cobra.Command, o *revokeOptions) error {
	s, err := openSessions(o.sessionsOptions, cmd)
	if err != nil {
		return err
	}
	defer s.close()
	plan, word, err := s.revokePlan(ctx, o)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(s.out, plan); err != nil {
		return err
	}
	s.noteStranger(o.owner.ClientID)
	if o.dryRun {
		return nil
	}
	if !o.yes {
		if err := confirm(ctx, cmd.InOrStdin(), s.out, "Do this?", word); err != nil {
			return err
		}
	}
	n, err := s.revoke(ctx, o)
	if err != nil {
		return fmt.Errorf("%w; run it again, what is done stays done", s.explain(err))
	}
	_, err = fmt.Fprintf(s.out, "Sessions ended: %d.\n", n)
	return err
}

// noteStranger says that a client is not in the clients file, for it may be
// misspelt; it may also have been there.
func (s *sessions) noteStranger(id string) {
	registry, err := s.clientsFile()
	if id == "" || err != nil {
		return
	}
	if _, known := registry.Lookup(id); !known {
		_, _ = fmt.Fprintf(s.err, "note: there is no client %s in %s\n", strconv.Quote(id), s.cfg.Clients.File)
	}
}

func (s *sessions) revokePlan(ctx context.Context, o *revokeOptions) (plan, word string, err error) {
	if len(o.sids) > 0 {
		return "This ends the sessions " + strings.Join(o.sids, ", ") + ", if they go on.", o.sids[0], nil
	}
	n, _, err := s.countOwner(ctx, o.owner)
	word = o.owner.Subject
	if word == "" {
		word = o.owner.ClientID
	}
	return fmt.Sprintf("This ends all sessions %s (%d now), and every access token %s that was issued until now.", whose(o.owner), n, whose(o.owner)), word, err
}

func (s *sessions) revoke(ctx context.Context, o *revokeOptions) (n int, err error) {
	if len(o.sids) == 0 {
		return s.store.RevokeAll(ctx, o.owner)
	}
	for _, sid := range o.sids {
		ended, err := s.store.Revoke(ctx, sid, "")
		if err != nil {
			return n, err
		}
		if ended {
			n++
		}
	}
	return n, nil
}
