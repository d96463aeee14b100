package main

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"signet/vaultkeys/manual"
)

func newKeysListCommand() *cobra.Command {
	var o keysOptions
	var format output
	cmd := &cobra.Command{
		Use:   "list --config FILE",
		Short: "Show every version of every ring, and the revoked kids",
		Long: `Show every version of every ring: its kid, its state, when it was made, from when
until when it signs, when its last token is over, its age against the rotation
period, and how often its kid was met. Then the kids on the revoked list.

Times are UTC, by Vault's clock. ~ is a plan: it depends on a step that nobody
has taken yet. ! is a version that signs, or will, and is older than the
rotation period; !! is one older than two years. - is not known, or does not
apply; -o json says why. The counters, and some of the times, are Redis'.`,
		Example: `  signet keys list --config signet.yaml
  signet keys list --config signet.yaml --ring signet-es256 -o json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := format.check(); err != nil {
				return err
			}
			if err := given(cmd); err != nil {
				return err
			}
			k, err := openKeys(cmd.Context(), o, cmd)
			if err != nil {
				return err
			}
			defer k.close()
			listing, err := k.operator.List(cmd.Context(), o.ring)
			if listing == nil {
				return explain(err)
			}
			if format == outputJSON {
				return explain(errors.Join(err, listJSON(k.out, listing)))
			}
			k.notes(listing.Notes)
			return explain(errors.Join(err, listTable(k.out, listing)))
		},
	}
	o.add(cmd)
	format.add(cmd)
	return cmd
}

// none stands where nothing is known, or nothing applies.
const none = "-"

func listTable(out io.Writer, l *manual.Listing) error {
	t := newTable(out)
	t.row("RING", "VERSION", "KID", "STATE", "CREATED", "SIGNS FROM", "SIGNS UNTIL", "RETIRES AT", "AGE", "ISSUED", "INTROSPECTED", "JWKS FETCHES", "LAST ISSUED")
	for _, r := range l.Rings {
		for _, v := range r.Versions {
			cells := []string{
				r.Name, strconv.Itoa(v.Number), orNone(v.KID), string(v.State), utc(v.CreatedAt),
				when(v.SignsFrom), when(v.SignsUntil), when(v.RetiresAt), age(&v, r.RotationPeriod),
			}
			t.row(append(cells, uses(v.Use)...)...)
		}
	}
	if err := t.Flush(); err != nil || len(l.Revoked) == 0 {
		return err
	}
	t.row()
	t.row("REVOKED KID", "RING", "VERSION", "AT", "LIST", "VAULT")
	for _, r := range l.Revoked {
		version := none
		if r.Version > 0 {
			version = strconv.Itoa(r.Version)
		}
		vault := none
		switch {
		case r.ListedBy != "":
			vault = "STILL LISTED by " + r.ListedBy + ": signet keys revoke --kid " + r.KID
		case l.Complete:
			vault = "gone"
		}
		t.row(r.KID, orNone(r.Ring), version, utc(r.At), strings.Join(lists(&r), ","), vault)
	}
	return t.Flush()
}

func lists(r *manual.RevokedKID) []string {
	all := []string{}
	if r.InConfig {
		all = append(all, "config")
	}
	if r.InRedis {
		all = append(all, "redis")
	}
	return all
}

func orNone(text string) string {
	if text == "" {
		return none
	}
	return text
}

func utc(t time.Time) string {
	if t.IsZero() {
		return none
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

func when(w manual.When) string {
	if w.At.IsZero() || !w.Planned {
		return utc(w.At)
	}
	return "~" + utc(w.At)
}

func age(v *manual.VersionListing, period time.Duration) string {
	if v.CreatedAt.IsZero() {
		return none
	}
	text := days(v.Age) + " of " + days(period)
	switch v.Over {
	case manual.OverRotationPeriod:
		text += " !"
	case manual.OverCryptoperiod:
		text += " !!"
	case manual.OverNothing:
	}
	return text
}

// days writes a duration in its two largest units, such as 12d3h.
func days(d time.Duration) string {
	const day = 24 * time.Hour
	parts := []struct {
		n    int64
		unit string
	}{
		{int64(d / day), "d"},
		{int64(d % day / time.Hour), "h"},
		{int64(d % time.Hour / time.Minute), "m"},
		{int64(d % time.Minute / time.Second), "s"},
	}
	for i, p := range parts {
		if p.n == 0 {
			continue
		}
		text := strconv.FormatInt(p.n, 10) + p.unit
		if i+1 < len(parts) && parts[i+1].n > 0 {
			text += strconv.FormatInt(parts[i+1].n, 10) + parts[i+1].unit
		}
		return text
	}
	return "0s"
}

func uses(u *manual.KIDUse) []string {
	if u == nil {
		return []string{none, none, none, none}
	}
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	return []string{number(u.Issued), number(u.Introspected), number(u.Fetched), utc(u.LastIssued)}
}
