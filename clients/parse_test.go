package clients_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"signet/clients"
)

// hashA and hashB are the hashes of a and b, hashEmpty is that of the empty text.
const (
	hashA     = "sha256:ypeBEsobvcr6wjGzmiPcTaeG7_gUfE5yuYB3ha_uSLs"
	hashB     = "sha256:PiPoFgA5WUoziU9lZOGxNIu9ecCgcjFOIWCB3iGzbs0"
	hashEmpty = "sha256:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
)

// want is a violation: its line, its field and a part each of problem and remedy.
type want struct {
	line                   int
	field, problem, remedy string
}

func check(t *testing.T, got []clients.Violation, wants ...want) {
	t.Helper()
	for i, w := range wants {
		if i >= len(got) {
			t.Errorf("missing: %+v", w)
			continue
		}
		g := got[i]
		if g.Line != w.line || g.Field != w.field || !strings.Contains(g.Problem, w.problem) || !strings.Contains(g.Remedy, w.remedy) {
			t.Errorf("violation %d:\n got %+v\nwant %+v", i, g, w)
		}
	}
	for _, g := range got[min(len(wants), len(got)):] {
		t.Errorf("nobody expected %+v", g)
	}
}

// TestViolations: each thing that a file may not say, one at a time. The field is
// written into a client that is otherwise right, in line 5.
func TestViolations(t *testing.T) {
	t.Parallel()
	const f = "clients[0]."
	long := strings.Repeat("a", 300)
	cases := map[string]struct {
		line string
		want want
	}{
		"unknown key":               {"audience: [x]", want{5, f + "audience", "unknown key", "did you mean audiences?"}},
		"unknown key far off":       {"permissions: [x]", want{5, f + "permissions", "unknown key", "use one of audiences, claims"}},
		"key twice":                 {"id: y", want{5, f + "id", "given twice, first in line 2", "keep one"}},
		"unknown grant":             {"grants: [password]", want{5, f + "grants[0]", `"password" is not a grant`, "use client_credentials, refresh_token or issue"}},
		"grant in another case":     {"grants: [Issue]", want{5, f + "grants[0]", `"Issue" is not a grant`, "use"}},
		"grant twice":               {"grants: [issue, issue]", want{5, f + "grants[1]", `"issue" is listed twice`, "keep one"}},
		"grants not a list":         {"grants: issue", want{5, f + "grants", "has a text where a list is needed", "write `grants: [...]`"}},
		"hash without prefix":       {"secrets: [" + hashA[7:] + "]", want{5, f + "secrets[0]", "is not sha256:", "signet client new"}},
		"hash in hex":               {"secrets: [\"sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb\"]", want{5, f + "secrets[0]", "is not sha256:", "signet client new"}},
		"hash too short":            {"secrets: [" + hashA[:49] + "]", want{5, f + "secrets[0]", "is not sha256:", "signet client new"}},
		"hash spelled differently":  {"secrets: [" + hashA[:49] + "t]", want{5, f + "secrets[0]", "is not sha256:", "signet client new"}},
		"hash with standard base64": {"secrets: [" + strings.NewReplacer("_", "/", "-", "+").Replace(hashA) + "]", want{5, f + "secrets[0]", "is not sha256:", "signet client new"}},
		"hash of nothing":           {"secrets: [" + hashEmpty + "]", want{5, f + "secrets[0]", "is the hash of an empty secret", "signet client new"}},
		"hash twice":                {"secrets: [" + hashB + ", " + hashB + "]", want{5, f + "secrets[1]", "is the same secret as in line 5", "keep one"}},
		"empty hash":                {`secrets: [""]`, want{5, f + "secrets[0]", "is not sha256:", "signet client new"}},
		"number for a hash":         {"secrets: [17]", want{5, f + "secrets[0]", "has a number where a text is needed", "in quotes"}},
		"ttl without unit":          {"ttl: 300", want{5, f + "ttl", "300 has no unit", "write 300s"}},
		"ttl in days":               {"ttl: 2d", want{5, f + "ttl", `"2d" is not a duration`, "2d is 48h"}},
		"ttl of nothing":            {"ttl: 0s", want{5, f + "ttl", "0s is out of range", "at least 1s"}},
		"ttl negative":              {"ttl: -5m", want{5, f + "ttl", "-5m is out of range", "at least 1s"}},
		"ttl over the first ring's": {"ttl: 10m1s", want{5, f + "ttl", `10m1s is longer than max_ttl 10m of ring "main"`, "write ttl: 10m or less"}},
		"unknown ring":              {"ring: other", want{5, f + "ring", `there is no ring "other"`, "name one of the configuration's rings"}},
		"ring not a text":           {"ring: [main]", want{5, f + "ring", "has a list where a text is needed", "write a text"}},
		"introspect not a bool":     {`introspect: "true"`, want{5, f + "introspect", "has a text where true or false is needed", "without quotes"}},
		"subject empty":             {`subjects: [""]`, want{5, f + "subjects[0]", `"" is not possible here`, "write 1 to 255 characters"}},
		"subject too long":          {"subjects: [" + long + "]", want{5, f + "subjects[0]", "is not possible here", "write 1 to 255 characters"}},
		"subject with control":      {`subjects: ["a\tb"]`, want{5, f + "subjects[0]", "is not possible here", "write 1 to 255 characters"}},
		"subject glob of two stars": {`subjects: ["user:**"]`, want{5, f + "subjects[0]", `"user:**" has **`, "write one * a part"}},
		"subject twice":             {`subjects: ["u:*", "u:*"]`, want{5, f + "subjects[1]", `"u:*" is listed twice`, "keep one"}},
		"subject is a client":       {"subjects: [x]", want{5, f + "subjects[0]", `"x" is the id of the client in line 2`, "remove it"}},
		"subject is a number":       {"subjects: [42]", want{5, f + "subjects[0]", "has a number where a text is needed", "in quotes"}},
		"scope with a space":        {`scopes: ["a b"]`, want{5, f + "scopes[0]", `"a b" is not possible here`, "one scope an item"}},
		"scope with a quote":        {`scopes: ['a"']`, want{5, f + "scopes[0]", "is not possible here", "printable ASCII"}},
		"scope empty":               {`scopes: [""]`, want{5, f + "scopes[0]", "is not possible here", "printable ASCII"}},
		"scope beyond ASCII":        {`scopes: [größe]`, want{5, f + "scopes[0]", "is not possible here", "printable ASCII"}},
		"scope glob of two stars":   {`scopes: ["r:**"]`, want{5, f + "scopes[0]", "has **", "write one * a part"}},
		"claim registered":          {"claims: [exp]", want{5, f + "claims[0]", `"exp" is a registered claim`, "remove it"}},
		"claim registered, folded":  {"claims: [Sub]", want{5, f + "claims[0]", `"Sub" is a registered claim`, "remove it"}},
		"claim of the header":       {"claims: [kid]", want{5, f + "claims[0]", `"kid" is a registered claim`, "remove it"}},
		"claim of introspection":    {"claims: [active]", want{5, f + "claims[0]", `"active" is a registered claim`, "remove it"}},
		"claim with a star":         {`claims: ["te*"]`, want{5, f + "claims[0]", `"te*" has a *`, "exact name"}},
		"claim empty":               {`claims: [""]`, want{5, f + "claims[0]", `"" cannot be a claim`, "exact name"}},
		"claim too long":            {"claims: [" + long + "]", want{5, f + "claims[0]", "cannot be a claim", "exact name"}},
		"claim twice":               {"claims: [role, role]", want{5, f + "claims[1]", `"role" is listed twice`, "keep one"}},
		"not YAML":                  {"claims: [role", want{5, "", "not YAML", "correct the syntax"}},
		"anchor":                    {"claims: &c [role]", want{5, f + "claims", "has an anchor, alias or tag", "write `claims: [...]`"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := "clients:\n  - id: x\n    secrets: [" + hashA + "]\n    audiences: [https://api]\n    " + c.line + "\n"
			if strings.HasPrefix(c.line, "secrets:") {
				text = strings.Replace(text, "    secrets: ["+hashA+"]\n", "\n", 1)
			}
			_, err := open(t, text)
			check(t, violations(t, err), c.want)
			if c.want.field != "" && !strings.Contains(err.Error(), fmt.Sprintf("clients.yaml:%d: %s: ", c.want.line, c.want.field)) {
				t.Errorf("the message does not name file, line and field: %v", err)
			}
		})
	}
}

func TestViolationsOfAWholeFile(t *testing.T) {
	t.Parallel()
	many := strings.Repeat(hashA+", ", 9)
	cases := map[string]struct {
		text string
		want want
	}{
		"empty":                {"", want{0, "", "the file is empty", "point to the right file"}},
		"only a comment":       {"# clients:\n", want{0, "", "the file is empty", "point to the right file"}},
		"another file":         {"a: b\nclients: []\n", want{1, "a", "unknown key", "use one of clients"}},
		"two documents":        {"clients: []\n---\nclients: []\n", want{3, "", "more than one YAML document", "keep one"}},
		"clients no list":      {"clients:\n  x: y\n", want{1, "clients", "has a mapping where a list is needed", "[...]"}},
		"clients null":         {"clients:\n", want{1, "clients", "has nothing where a list is needed", "[...]"}},
		"a client is a text":   {"clients: [x]\n", want{1, "clients[0]", "has a text where settings are needed", "key: value"}},
		"not text":             {"clients: []\n# \xff\n", want{2, "", "invalid UTF-8", "plain UTF-8"}},
		"id missing":           {"clients:\n  - ring: main\n", want{2, "clients[0].id", "is missing", "write `id: orders`"}},
		"id empty":             {"clients:\n  - id: \"\"\n", want{2, "clients[0].id", "is missing", "write `id: orders`"}},
		"id a number":          {"clients:\n  - id: 010\n", want{2, "clients[0].id", "has a number where a text is needed", "in quotes"}},
		"id with a colon":      {"clients:\n  - id: \"a:b\"\n", want{2, "clients[0].id", `"a:b" cannot be a client id`, "no colon"}},
		"id with a space":      {"clients:\n  - id: a b\n", want{2, "clients[0].id", `"a b" cannot be a client id`, "letters, digits"}},
		"id with a star":       {"clients:\n  - id: a*\n", want{2, "clients[0].id", `"a*" cannot be a client id`, "letters, digits"}},
		"id with a line break": {"clients:\n  - id: \"a\\n\"\n", want{2, "clients[0].id", `"a\n" cannot be a client id`, "letters, digits"}},
		"id too long":          {"clients:\n  - id: " + strings.Repeat("a", 129) + "\n", want{2, "clients[0].id", "cannot be a client id", "1 to 128"}},
		"id taken":             {"clients:\n  - id: a\n  - id: b\n  - id: a\n", want{4, "clients[2].id", `"a" is taken by the client in line 2`, "its own id"}},
		"secret shared":        {"clients:\n  - id: a\n    secrets: [" + hashA + "]\n  - id: b\n    secrets: [" + hashA + "]\n", want{5, "clients[1].secrets[0]", "is the same secret as in line 3", "secrets of its own"}},
		"too many secrets":     {"clients:\n  - id: a\n    secrets: [" + many + "]\n", want{3, "clients[0].secrets", "9 secrets are more than 8", "no longer in use"}},
		"no audience":          {"clients:\n  - id: a\n    grants: [refresh_token, client_credentials]\n", want{2, "clients[0].audiences", "tokens of grant client_credentials need one", "audiences: ["}},
		"audience glob":        {"clients:\n  - id: a\n    audiences: [\"https://*\"]\n", want{3, "clients[0].audiences[0]", "cannot be an audience", "audiences have no *"}},
		"audience with space":  {"clients:\n  - id: a\n    audiences: [\"a b\"]\n", want{3, "clients[0].audiences[0]", "cannot be an audience", "without spaces"}},
		"audience empty":       {"clients:\n  - id: a\n    audiences: [\"\"]\n", want{3, "clients[0].audiences[0]", "cannot be an audience", "one exact name"}},
		"audience too long":    {"clients:\n  - id: a\n    audiences: [" + strings.Repeat("a", 1025) + "]\n", want{3, "clients[0].audiences[0]", "cannot be an audience", "one exact name"}},
		"audience twice":       {"clients:\n  - id: a\n    audiences: [b, b]\n", want{3, "clients[0].audiences[1]", "listed twice", "keep one"}},
		"subject, client after": {
			"clients:\n  - id: a\n    subjects: [b]\n  - id: b\n",
			want{3, "clients[0].subjects[0]", `"b" is the id of the client in line 4`, "client_credentials"},
		},
		"ttl over its ring's": {"clients:\n  - id: a\n    ring: long\n    ttl: 25h\n", want{4, "clients[0].ttl", `25h is longer than max_ttl 24h of ring "long"`, "write ttl: 24h or less"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := open(t, c.text)
			check(t, violations(t, err), c.want)
		})
	}
}

// TestDefaultTTLOverTheRings: the client wrote no ttl, yet its tokens would
// outlive the ring's keys.
func TestDefaultTTLOverTheRings(t *testing.T) {
	t.Parallel()
	c := config(t, "clients:\n  - id: a\n")
	c.DefaultTTL = c.Rings["main"] + 1e9
	_, err := clients.Open(c)
	check(t, violations(t, err), want{2, "clients[0].ttl", "10m1s is longer than max_ttl 10m", "10m or less"})
}

// TestAllViolationsAtOnce: whoever repairs the file does it in one go.
func TestAllViolationsAtOnce(t *testing.T) {
	t.Parallel()
	const text = `clients:
  - id: a:b
    secret: x
    grants: [password, issue]
    claims: [exp, tenant]
  - id: c
    secrets: [sgc_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA, nonsense]
    ttl: 11m
    subjects: ["**"]
    audiences: [x]
  - id: c
    ring: nowhere
extra: 1
`
	_, err := open(t, text)
	check(t, violations(t, err),
		want{2, "clients[0].audiences", "grant issue need one", "audiences"},
		want{2, "clients[0].id", "cannot be a client id", "colon"},
		want{3, "clients[0].secret", "unknown key", "secrets"},
		want{4, "clients[0].grants[0]", "not a grant", "use"},
		want{5, "clients[0].claims[0]", "registered claim", "remove"},
		want{7, "clients[1].secrets[0]", "a secret may not stand in this file", "no longer secret"},
		want{7, "clients[1].secrets[1]", "is not sha256:", "signet client new"},
		want{8, "clients[1].ttl", "longer than max_ttl", "10m"},
		want{9, "clients[1].subjects[0]", "has **", "one *"},
		want{11, "clients[2].id", "taken by the client in line 6", "own id"},
		want{12, "clients[2].ring", "no ring", "name one"},
		want{13, "extra", "unknown key", "clients"},
	)
}

// TestSecretNeverInMessages: a secret that stands in the wrong place, any of
// them, must not travel on into logs.
func TestSecretNeverInMessages(t *testing.T) {
	t.Parallel()
	secret, _ := newSecret(t)
	for _, line := range []string{
		"secrets: [%s]", "secrets: %s", "secret: %s", "%s: x", "grants: [%s]", "ring: %s", "ttl: %s", "audiences: [\"%s *\"]",
		"scopes: [\"%s \"]", "subjects: [\"%s**\"]", "claims: [\"%s*\"]", "claims: [%[1]s, %[1]s]", "introspect: %s", "id: %s",
		"secrets: [!%s x]", "secrets: [*%s]", "secrets: [\"%s]", "secrets: {%s: x}", "id: \"%s:\"",
	} {
		text := "clients:\n  - id: x\n    " + fmt.Sprintf(line, secret) + "\n"
		_, err := open(t, text)
		if err == nil {
			t.Errorf("accepted: %s", line)
			continue
		}
		if strings.Contains(err.Error(), secret[:20]) {
			t.Errorf("%s: the message has the secret: %v", line, err)
		}
	}
}

func TestOpenWithoutFile(t *testing.T) {
	t.Parallel()
	c := config(t, "clients: []\n")
	if err := os.Remove(c.Path); err != nil {
		t.Fatal(err)
	}
	if _, err := clients.Open(c); err == nil || !strings.Contains(err.Error(), c.Path) {
		t.Fatalf("got %v", err)
	}
	c.Path = t.TempDir()
	if _, err := clients.Open(c); err == nil {
		t.Fatal("a directory was read")
	}
}
