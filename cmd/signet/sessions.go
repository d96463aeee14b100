package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"signet/clients"
	"signet/config"
	"signet/internal/sharedstate"
	"signet/refresh"
)

func newSessionsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sessions",
		Short: "Count, list and revoke sessions by hand",
		Long: `Count, list and revoke the sessions behind refresh tokens.

They need Redis only, that of the configuration, and nothing of Vault: so they
work while Vault is sealed, and what they show is what Redis says. The seal that
proves it is checked by Signet itself, at each use of a session.

A program uses the API instead: GET and DELETE /v1/sessions.`,
		Example: `  signet sessions list --config signet.yaml
  signet sessions revoke --config signet.yaml --subject user:alice`,
	}
	cmd.AddCommand(newSessionsListCommand(), newSessionsRevokeCommand())
	return cmd
}

// sessionsOptions are the flags that both of them have.
type sessionsOptions struct {
	configPath string
	owner      refresh.Owner
}

func (o *sessionsOptions) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.configPath, "config", "signet.yaml", "Signet's configuration file")
	cmd.Flags().StringVar(&o.owner.Subject, "subject", "", "the sessions of this subject, such as user:alice")
	cmd.Flags().StringVar(&o.owner.ClientID, "client", "", "the sessions at this client; with --subject only that subject's")
}

// sessions is what a command works with.
type sessions struct {
	cfg      *config.Config
	store    *refresh.Store
	out, err io.Writer
	close    func()
}

func openSessions(o sessionsOptions, cmd *cobra.Command) (*sessions, error) {
	cfg, err := config.Load(o.configPath)
	if err != nil {
		return nil, err
	}
	s := &sessions{cfg: cfg, out: cmd.OutOrStdout(), err: cmd.ErrOrStderr()}
	logger := slog.New(slog.NewJSONHandler(s.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	client, err := openRedis(cfg.Redis, logger)
	if err != nil {
		return nil, err
	}
	s.close = func() { _ = client.Close() }
	s.store = refresh.New(sessionsConfig(cfg, client, logger))
	return s, nil
}

// each gives all sessions of an owner, page by page, until give says that it is
// enough.
func (s *sessions) each(ctx context.Context, o refresh.Owner, give func([]refresh.Session) (more bool)) error {
	for cursor := ""; ; {
		page, next, err := s.store.List(ctx, refresh.ListRequest{Owner: o, Limit: refresh.MaxLimit, Cursor: cursor})
		if err != nil {
			return s.explain(err)
		}
		if !give(page) || next == "" {
			return nil
		}
		cursor = next
	}
}

// whose says it for people.
func whose(o refresh.Owner) string {
	switch {
	case o.ClientID == "":
		return "of " + o.Subject
	case o.Subject == "":
		return "at " + o.ClientID
	default:
		return "of " + o.Subject + " at " + o.ClientID
	}
}

// explain says where and, where it is known, what to do.
func (s *sessions) explain(err error) error {
	err = fmt.Errorf("redis at %s: %w", strings.Join(s.cfg.Redis.Addresses, ", "), err)
	if sharedstate.Refused(err) {
		return fmt.Errorf("%w; %s", err, sharedstate.RefusedRemedy)
	}
	return err
}

// clientsFile are the clients of the configuration's file.
func (s *sessions) clientsFile() (*clients.Registry, error) {
	c := clientsConfig(s.cfg)
	c.Logger = slog.New(slog.DiscardHandler)
	registry, err := clients.Open(c)
	if err != nil {
		return nil, fmt.Errorf("reading the clients: %w", err)
	}
	return registry, nil
}

// printable keeps what somebody wrote into Redis from steering a terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
}
