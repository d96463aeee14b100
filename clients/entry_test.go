package clients_test

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"signet/clients"
)

// TestEntryRoundTrips: an entry with any text at all either has its error or
// comes out of Open as it went into YAML; it never becomes another client.
func TestEntryRoundTrips(t *testing.T) {
	t.Parallel()
	name := rapid.OneOf(
		rapid.String(),
		rapid.StringOfN(rapid.SampledFrom([]rune("ab01._~@/-:*#'\"\\ {}[],&!|>%?\n\t\r\x00\x85\u2028\ufeff\u00a0é\U0001f511")), 0, 12, -1),
		rapid.SampledFrom([]string{"null", "~", "true", "no", "y", "0x10", "1e3", ".inf", "<<", "---", "=", "2026-01-31", "a: b", "a #b"}),
	)
	names := rapid.SliceOfN(name, 0, 3)
	hash := rapid.Map(rapid.SliceOfNDistinct(rapid.Byte(), 32, 32, rapid.ID), func(sum []byte) string {
		return "sha256:" + base64.RawURLEncoding.EncodeToString(sum)
	})
	accepted := 0
	rapid.Check(t, func(rt *rapid.T) {
		e := clients.Entry{ID: "x"}
		// One strange field at a time: two would nearly always make an error.
		switch rapid.IntRange(0, 6).Draw(rt, "field") {
		case 0:
			e.ID = name.Draw(rt, "id")
		case 1:
			e.Ring = name.Draw(rt, "ring")
		case 2:
			e.Subjects = names.Draw(rt, "subjects")
		case 3:
			e.Audiences = names.Draw(rt, "audiences")
		case 4:
			e.Scopes = names.Draw(rt, "scopes")
		case 5:
			e.Claims = names.Draw(rt, "claims")
		case 6:
			e.TTL = time.Duration(rapid.Int64Range(int64(time.Second), int64(1000*time.Hour)).Draw(rt, "ttl"))
			e.Introspect = rapid.Bool().Draw(rt, "introspect")
			e.Secrets = rapid.SliceOfNDistinct(hash, 0, 8, rapid.ID).Draw(rt, "secrets")
		}
		item, err := e.YAML()
		if err != nil {
			if _, ok := errors.AsType[*clients.Error](err); !ok || item != "" {
				rt.Fatalf("got %q, %v", item, err)
			}
			return
		}
		accepted++
		cfg := config(t, "# before\nclients:\n"+item+"  - id: other-client\n")
		cfg.Rings = nil
		r, err := clients.Open(cfg)
		if err != nil {
			rt.Fatalf("%+v: %v\n%s", e, err, item)
		}
		c, ok := r.Lookup(e.ID)
		if !ok || c.ID != e.ID || c.Ring != e.Ring || c.TTL != e.TTL || c.Introspect != e.Introspect || !slices.Equal(c.Audiences, e.Audiences) {
			rt.Fatalf("%+v became %+v\n%s", e, c, item)
		}
		samePolicy(rt, e, c)
	})
	if accepted < 20 {
		t.Errorf("only %d entries were accepted", accepted)
	}
}

func samePolicy(t *rapid.T, e clients.Entry, c *clients.Client) {
	for _, s := range e.Subjects {
		if !strings.Contains(s, "*") && !c.AllowsSubject(s) {
			t.Fatalf("subject %q was lost", s)
		}
	}
	var literal []string
	for _, s := range e.Scopes {
		if !strings.Contains(s, "*") {
			literal = append(literal, s)
		}
	}
	if got, err := c.Scope(""); err != nil || got != strings.Join(literal, " ") {
		t.Fatalf("scopes %q became %q, %v", e.Scopes, got, err)
	}
	for _, s := range e.Claims {
		if !c.AllowsClaim(s) {
			t.Fatalf("claim %q was lost", s)
		}
	}
}

func TestEntryWithEverything(t *testing.T) {
	t.Parallel()
	secret, hash := newSecret(t)
	e := clients.Entry{
		ID: "backend/login@example.com", Ring: "long", Secrets: []string{hash}, Grants: []string{"issue", "refresh_token"},
		Subjects: []string{"user:*"}, Audiences: []string{"https://api.example.com"}, Scopes: []string{"read", "orders:*"},
		Claims: []string{"tenant"}, TTL: 90 * time.Minute, Introspect: true,
	}
	got := file(t, e)
	want := `clients:
  - id: "backend/login@example.com"
    secrets: ["` + hash + `"]
    grants: [issue, refresh_token]
    subjects: ["user:*"]
    audiences: ["https://api.example.com"]
    scopes: [read, "orders:*"]
    claims: [tenant]
    ttl: 1h30m
    ring: long
    introspect: true
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	c, err := mustOpen(t, got).Authenticate(e.ID, secret)
	if err != nil || !c.Allows(clients.GrantIssue) || c.Allows(clients.GrantClientCredentials) || !c.AllowsSubject("user:a") {
		t.Errorf("got %+v, %v", c, err)
	}
}

// TestEntryErrors: what no file could hold is refused before it is printed.
func TestEntryErrors(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		entry clients.Entry
		want  string
	}{
		"no id":         {clients.Entry{}, "clients[0].id: is missing"},
		"colon":         {clients.Entry{ID: "a:b"}, "no colon"},
		"second client": {clients.Entry{ID: "a\n  - id: b"}, "cannot be a client id"},
		"another key":   {clients.Entry{ID: "a", Ring: "r\n    introspect: true", Claims: []string{"exp"}}, "registered claim"},
		"grant":         {clients.Entry{ID: "a", Grants: []string{"password"}}, "is not a grant"},
		"bare secret":   {clients.Entry{ID: "a", Secrets: []string{"hunter2"}}, "is not sha256:"},
		"short ttl":     {clients.Entry{ID: "a", TTL: time.Millisecond}, "1ms is out of range"},
		"no audience":   {clients.Entry{ID: "a", Grants: []string{"issue"}}, "audiences: there is none"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := c.entry.YAML()
			if err == nil || got != "" || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %q, %v", got, err)
			}
		})
	}
}

// TestUncheckedRings: without rings, as for `signet client new`, any ring and ttl will do.
func TestUncheckedRings(t *testing.T) {
	t.Parallel()
	c := config(t, "clients:\n  - id: a\n    ring: whatever\n    ttl: 9000h\n")
	c.Rings = nil
	if _, err := clients.Open(c); err != nil {
		t.Fatal(err)
	}
}
