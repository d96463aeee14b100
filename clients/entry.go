package clients

import (
	"fmt"
	"strings"
	"time"

	"signet/internal/strictyaml"
)

// Entry is one client as the file spells it.
type Entry struct {
	ID, Ring                    string
	Secrets, Grants             []string
	Subjects, Audiences, Scopes []string
	Claims                      []string
	TTL                         time.Duration
	Introspect                  bool
	// Sessions is empty for none.
	Sessions string
}

// YAML is the entry as an item of the file's list. The error is a *Error if no
// file could hold it; rings are not checked.
func (e Entry) YAML() (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "  - id: %s\n", scalar(e.ID))
	for _, list := range []struct {
		key    string
		values []string
	}{
		{"secrets", e.Secrets},
		{"grants", e.Grants},
		{"subjects", e.Subjects},
		{"audiences", e.Audiences},
		{"scopes", e.Scopes},
		{"claims", e.Claims},
	} {
		if len(list.values) == 0 {
			continue
		}
		quoted := make([]string, 0, len(list.values))
		for _, v := range list.values {
			quoted = append(quoted, scalar(v))
		}
		fmt.Fprintf(&b, "    %s: [%s]\n", list.key, strings.Join(quoted, ", "))
	}
	if e.TTL != 0 {
		fmt.Fprintf(&b, "    ttl: %s\n", strictyaml.Compact(e.TTL))
	}
	if e.Ring != "" {
		fmt.Fprintf(&b, "    ring: %s\n", scalar(e.Ring))
	}
	if e.Introspect {
		b.WriteString("    introspect: true\n")
	}
	if e.Sessions != "" {
		fmt.Fprintf(&b, "    sessions: %s\n", scalar(e.Sessions))
	}
	if _, err := parse("", []byte("clients:\n"+b.String()), rules{}); err != nil {
		return "", err
	}
	return b.String(), nil
}

// scalar writes words bare and everything else in quotes.
func scalar(s string) string {
	word := s != "" && s != "null" && s != "true" && s != "false" && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && r != '_'
	})
	if word {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`).Replace(s) + `"`
}
