package clients_test

import (
	"regexp"
	"strings"
	"testing"

	"signet/clients"
)

// FuzzOpen: no file makes Open panic. One that is refused says where and what to
// do, never spelling a secret; one that is accepted gives nobody more than it says.
func FuzzOpen(f *testing.F) {
	secret, hash := newSecret(f)
	entry := clients.Entry{
		ID: "x", Secrets: []string{hash}, Grants: []string{"issue"}, Subjects: []string{"user:*"}, Audiences: []string{"api"},
		Scopes: []string{"read"}, Claims: []string{"tenant"}, Ring: "long", TTL: 3600e9, Introspect: true,
	}
	f.Add(file(f, entry))
	for _, text := range []string{
		"", "clients: []", "clients:\n  - id: x\n  - id: x\n", "clients: [{id: a, ttl: 25h}]", "clients:\n  - *a\n", "a: &a [*a]",
		"clients:\n  - id: x\n    secrets: [" + secret + "]\n", "clients:\n  - id: \"" + secret, "%YAML " + secret + "\n---\n",
		"clients:\n  - id: !" + secret + " x\n", "? [a]\n: b\n", "clients: |\n  x\n",
	} {
		f.Add(text)
	}
	secrets := regexp.MustCompile(`sgc_[A-Za-z0-9_-]+`)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := open(t, text)
		if err != nil {
			list := violations(t, err)
			if len(list) == 0 {
				t.Fatal("refused without a violation")
			}
			for _, v := range list {
				if v.Problem == "" || v.Remedy == "" || v.Line < 0 || v.Line > strings.Count(text, "\n")+2 {
					t.Errorf("incomplete: %+v", v)
				}
			}
			if found := secrets.FindString(err.Error()); found != "" {
				t.Errorf("a secret is spelled: %q", err)
			}
			return
		}
		c, ok := r.Lookup("x")
		if !ok {
			return
		}
		if c.TTL > r24h || (c.Ring != "" && c.Ring != "main" && c.Ring != "long") || c.AllowsClaim("exp") || c.AllowsSubject("") || c.AllowsSubject("*") {
			t.Errorf("accepted: %+v", c)
		}
		if (c.Allows(clients.GrantIssue) || c.Allows(clients.GrantClientCredentials)) && len(c.Audiences) == 0 {
			t.Error("a grant without audience")
		}
		if _, err := r.Authenticate("x", ""); err == nil {
			t.Error("the empty secret authenticates")
		}
	})
}

// r24h is the longest max_ttl of the rings in config.
const r24h = 24 * 3600e9
