package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"signet/clients"
)

func newClientCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "client",
		Short:   "Work on the clients file",
		Example: "  signet client new --id orders --grant client_credentials --audience https://billing.example.com",
	}
	cmd.AddCommand(newClientNewCommand())
	return cmd
}

func newClientNewCommand() *cobra.Command {
	var entry clients.Entry
	var format output
	cmd := &cobra.Command{
		Use:   "new --id ID",
		Short: "Make a client secret and the entry for the clients file",
		Long: `Make a client secret of 256 random bits and the entry for the clients file.

The secret is printed once and stored nowhere; the entry holds only its hash.
Nothing is written: append the entry to the list in the clients file, and every
replica picks it up. To change a secret without an outage, add the new hash to
the client's secrets, move the client over, then remove the old hash.`,
		Example: `  signet client new --id orders --grant client_credentials \
    --audience https://billing.example.com --scope billing:read

  signet client new --id login --grant issue --grant refresh_token --subject 'user:*' \
    --audience https://api.example.com --scope profile --claim tenant --introspect -o json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := format.check(); err != nil {
				return err
			}
			if err := clientNew(cmd.OutOrStdout(), entry, format); err != nil {
				return err
			}
			for _, note := range idle(entry) {
				cmd.PrintErrln("note: " + note)
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&entry.ID, "id", "", "the client's id (required)")
	flags.StringArrayVar(&entry.Grants, "grant", nil, "client_credentials, refresh_token or issue; may repeat")
	flags.StringArrayVar(&entry.Audiences, "audience", nil, "an audience it may ask for, the first is the default; may repeat")
	flags.StringArrayVar(&entry.Scopes, "scope", nil, "a scope it may ask for, such as profile or 'orders:*'; may repeat")
	flags.StringArrayVar(&entry.Subjects, "subject", nil, "a subject it may issue for, such as 'user:*'; may repeat")
	flags.StringArrayVar(&entry.Claims, "claim", nil, "a custom claim it may set; may repeat")
	flags.DurationVar(&entry.TTL, "ttl", time.Duration(0), "the life of its tokens, such as 5m (default: the configuration's tokens.ttl)")
	flags.StringVar(&entry.Ring, "ring", "", "the key ring that signs its tokens (default: the first)")
	flags.StringVar(&entry.Sessions, "sessions", "", "whose sessions it may list and end: none, own or all (default none)")
	flags.BoolVar(&entry.Introspect, "introspect", false, "let it introspect tokens for its audiences")
	format.add(cmd)
	if err := cmd.MarkFlagRequired("id"); err != nil {
		panic(err) // a flag of this very function
	}
	return cmd
}

// clientNew prints a fresh secret and its entry, both or neither.
func clientNew(out io.Writer, entry clients.Entry, format output) error {
	secret, hash, err := clients.NewSecret()
	if err != nil {
		return err
	}
	entry.Secrets = []string{hash}
	text, err := entry.YAML()
	if err != nil {
		return usage("no such client can be: %w", describe(err))
	}
	if format == outputJSON {
		return encodeJSON(out, struct {
			ID     string `json:"id"`
			Secret string `json:"secret"`
			Hash   string `json:"hash"`
			Entry  string `json:"entry"`
		}{entry.ID, secret, hash, text})
	}
	_, err = fmt.Fprintf(out, "Client secret, shown only now:\n\n  %s\n\nEntry for the clients file, below `clients:`:\n\n%s", secret, text)
	return err
}

// idle says what of an entry can have no effect. It may be meant: the list can
// be filled in later.
func idle(e clients.Entry) (notes []string) {
	if len(e.Grants) == 0 && !e.Introspect && (e.Sessions == "" || e.Sessions == string(clients.SessionsNone)) {
		notes = append(notes, "without --grant, --introspect or --sessions this client may do nothing but revoke")
	}
	if slices.Contains(e.Grants, string(clients.GrantIssue)) && len(e.Subjects) == 0 {
		notes = append(notes, "without --subject it may issue tokens for nobody")
	}
	if len(e.Audiences) == 0 && (len(e.Grants) > 0 || e.Introspect) {
		notes = append(notes, "without --audience it gets no token, and sees no one else's at introspection")
	}
	return notes
}

// describe drops the line numbers, which are of a text that the user never saw.
func describe(err error) error {
	bad, ok := errors.AsType[*clients.Error](err)
	if !ok {
		return err
	}
	all := make([]error, 0, len(bad.Violations))
	for _, v := range bad.Violations {
		all = append(all, fmt.Errorf("%s: %s; %s", v.Field, v.Problem, v.Remedy))
	}
	return errors.Join(all...)
}
