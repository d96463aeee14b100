package clients

import (
	"crypto/sha256"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"

	"signet/internal/strictyaml"
)

// Violation is one thing that is wrong with a file: line, field, problem, remedy.
type Violation = strictyaml.Violation

// Error holds every violation of a file at once.
type Error = strictyaml.Error

// rules are what the file is judged by besides itself.
type rules struct {
	rings       map[string]time.Duration // nil: any ring, any TTL
	defaultRing string
	defaultTTL  time.Duration
}

// parse reads a registry. Its error is a *Error with all violations.
func parse(path string, data []byte, r rules) (map[string]*Client, error) {
	doc := strictyaml.Parse(data)
	p := &parser{doc: doc, rules: r, ids: map[string]int{}, hashes: map[[sha256.Size]byte]int{}}
	clients := map[string]*Client{}
	if doc.Parsed() {
		root := doc.Root()
		if !root.Has("clients") {
			root.Refuse("clients", "is missing", "write `clients: [...]`, or `clients: []` for none at all")
		}
		for _, m := range root.Maps("clients") {
			c := p.client(m)
			clients[c.ID] = c
		}
		p.subjectsAreNoClients()
	}
	if err := doc.Err(path); err != nil {
		return nil, withoutSecrets(err)
	}
	return clients, nil
}

type parser struct {
	doc      *strictyaml.Document
	rules    rules
	ids      map[string]int // id to line
	hashes   map[[sha256.Size]byte]int
	subjects []strictyaml.Text
}

func (p *parser) client(m *strictyaml.Map) *Client {
	c := &Client{
		ID:         p.id(m),
		Ring:       m.String("ring", ""),
		TTL:        m.Duration("ttl", strictyaml.DurationRange{Min: time.Second}),
		Introspect: m.Bool("introspect"),
		Sessions:   SessionRight(m.Choice("sessions", string(SessionsNone), string(SessionsOwn), string(SessionsAll))),
		Audiences:  p.audiences(m),
		grants:     p.grants(m),
		scopes:     p.scopes(m),
		subjects:   p.subjectPatterns(m),
		claims:     p.claims(m),
	}
	p.secrets(m, c)
	if len(c.Audiences) == 0 && p.doc.Readable(m.At("audiences").Field) {
		for _, g := range c.grants {
			if g != GrantRefreshToken {
				m.Refuse("audiences", "there is none, and tokens of grant "+string(g)+" need one", "write `audiences: [https://api.example.com]`; the first is the default")
				break
			}
		}
	}
	p.lifetime(m, c)
	return c
}

var clientIDs = regexp.MustCompile(`^[A-Za-z0-9._~@/-]{1,128}$`)

func (p *parser) id(m *strictyaml.Map) string {
	id := m.Required("id", "orders")
	if id == "" {
		return ""
	}
	if !clientIDs.MatchString(id) {
		m.Refuse("id", strictyaml.Quote(id)+" cannot be a client id", "use 1 to 128 letters, digits and . _ ~ @ / - (no colon: HTTP Basic ends the id there)")
	}
	if line, ok := p.ids[id]; ok {
		m.Refuse("id", fmt.Sprintf("%s is taken by the client in line %d", strictyaml.Quote(id), line), "give each client its own id")
		return id
	}
	p.ids[id] = m.At("id").Line
	return id
}

func (p *parser) secrets(m *strictyaml.Map, c *Client) {
	const remedy = "make one with `signet client new --id ID`"
	texts := m.Strings("secrets")
	if len(texts) > maxSecrets {
		m.Refuse("secrets", fmt.Sprintf("%d secrets are more than %d", len(texts), maxSecrets), "remove those that are no longer in use")
		return
	}
	for _, text := range texts {
		sum, ok := parseHash(text.Value)
		line, taken := p.hashes[sum]
		switch {
		case !ok && strings.HasPrefix(text.Value, secretPrefix):
			// Never repeated, and from now on it is known to whoever saw the file.
			p.doc.Refuse(text.At, "a secret may not stand in this file, only its hash", "this one is no longer secret; "+remedy)
		case !ok:
			p.doc.Refuse(text.At, "is not sha256: and 43 characters of base64url", remedy)
		case sum == sha256.Sum256(nil):
			p.doc.Refuse(text.At, "is the hash of an empty secret", remedy)
		case taken:
			p.doc.Refuse(text.At, fmt.Sprintf("is the same secret as in line %d", line), "keep one; each client needs secrets of its own")
		default:
			p.hashes[sum] = text.At.Line
			c.secrets.add(sum)
		}
	}
}

func (p *parser) grants(m *strictyaml.Map) []Grant {
	var list []Grant
	for _, text := range p.distinct(m.Strings("grants")) {
		known := false
		for _, g := range grants() {
			known = known || string(g) == text.Value
		}
		if !known {
			p.doc.Refuse(text.At, strictyaml.Quote(text.Value)+" is not a grant", fmt.Sprintf("use %s, %s or %s", GrantClientCredentials, GrantRefreshToken, GrantIssue))
			continue
		}
		list = append(list, Grant(text.Value))
	}
	return list
}

func (p *parser) audiences(m *strictyaml.Map) []string {
	var list []string
	for _, text := range p.distinct(m.Strings("audiences")) {
		if text.Value == "" || len(text.Value) > 1024 || strings.ContainsFunc(text.Value, func(r rune) bool { return r == '*' || unicode.IsSpace(r) || unicode.IsControl(r) }) {
			p.doc.Refuse(text.At, strictyaml.Quote(text.Value)+" cannot be an audience", "write one exact name without spaces, such as https://api.example.com; audiences have no *")
		}
		list = append(list, text.Value)
	}
	return list
}

func (p *parser) scopes(m *strictyaml.Map) []glob {
	return p.globs(m, "scopes", func(s string) string {
		if !scopeToken(s) {
			return `use printable ASCII without space, " and \ (RFC 6749 section 3.3), one scope an item`
		}
		return ""
	})
}

func (p *parser) subjectPatterns(m *strictyaml.Map) []glob {
	p.subjects = append(p.subjects, m.Strings("subjects")...)
	return p.globs(m, "subjects", func(s string) string {
		if s == "" || len(s) > maxSubject || strings.ContainsFunc(s, unicode.IsControl) {
			return fmt.Sprintf("write 1 to %d characters, such as \"user:*\"", maxSubject)
		}
		return ""
	})
}

// globs reads patterns; wrong gives the remedy for one that cannot be.
func (p *parser) globs(m *strictyaml.Map, key string, wrong func(string) string) []glob {
	var list []glob
	for _, text := range p.distinct(m.Strings(key)) {
		if remedy := wrong(text.Value); remedy != "" {
			p.doc.Refuse(text.At, strictyaml.Quote(text.Value)+" is not possible here", remedy)
		} else if strings.Contains(text.Value, "**") {
			p.doc.Refuse(text.At, strictyaml.Quote(text.Value)+" has **, which means nothing here", "write one * a part: it never crosses : or /")
		}
		list = append(list, glob(text.Value))
	}
	return list
}

func (p *parser) claims(m *strictyaml.Map) []string {
	var list []string
	for _, text := range p.distinct(m.Strings("claims")) {
		switch {
		case text.Value == "" || len(text.Value) > 256 || strings.ContainsFunc(text.Value, unicode.IsControl):
			p.doc.Refuse(text.At, strictyaml.Quote(text.Value)+" cannot be a claim", "write the claim's exact name")
		case strings.Contains(text.Value, "*"):
			p.doc.Refuse(text.At, strictyaml.Quote(text.Value)+" has a *, which means nothing here", "list each claim by its exact name")
		case registered(text.Value):
			p.doc.Refuse(text.At, strictyaml.Quote(text.Value)+" is a registered claim, which only Signet sets", "remove it, or choose another name for the custom claim")
		}
		list = append(list, text.Value)
	}
	return list
}

// distinct refuses what a list says twice.
func (p *parser) distinct(texts []strictyaml.Text) []strictyaml.Text {
	seen := map[string]bool{}
	for _, text := range texts {
		if seen[text.Value] {
			p.doc.Refuse(text.At, strictyaml.Quote(text.Value)+" is listed twice", "keep one of the two")
		}
		seen[text.Value] = true
	}
	return texts
}

// lifetime checks ring and ttl against the configured rings: the keeper retires
// a key by its ring's max_ttl, so no token may live longer.
func (p *parser) lifetime(m *strictyaml.Map, c *Client) {
	if p.rules.rings == nil || !p.doc.Readable(m.At("ring").Field, m.At("ttl").Field) {
		return
	}
	ring, ttl := c.Ring, c.TTL
	if ring == "" {
		ring = p.rules.defaultRing
	}
	limit, ok := p.rules.rings[ring]
	if !ok {
		m.Refuse("ring", "there is no ring "+strictyaml.Quote(ring), "name one of the configuration's rings, or leave ring out for the first")
		return
	}
	if ttl == 0 {
		ttl = p.rules.defaultTTL
	}
	if ttl > limit {
		m.Refuse("ttl", fmt.Sprintf("%s is longer than max_ttl %s of ring %s", strictyaml.Compact(ttl), strictyaml.Compact(limit), strictyaml.Quote(ring)),
			"write ttl: "+strictyaml.Compact(limit)+" or less")
	}
}

// subjectsAreNoClients: a subject equal to a client's id is refused at issuance
// (for a resource server it means that service), so listing one is a mistake.
func (p *parser) subjectsAreNoClients() {
	for _, text := range p.subjects {
		if line, ok := p.ids[text.Value]; ok {
			p.doc.Refuse(text.At, fmt.Sprintf("%s is the id of the client in line %d, and nobody may issue for a client", strictyaml.Quote(text.Value), line),
				"remove it; the client gets its own tokens by client_credentials")
		}
	}
}
