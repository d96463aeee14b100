package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"signet/internal/regularfile"
	"signet/internal/strictyaml"
	"signet/signer"
)

// Load reads and validates the file at path. Every error that is about the
// file's contents is a *Error with all violations. No secret is read.
func Load(path string) (*Config, error) {
	data, err := regularfile.Read(path, strictyaml.MaxSize)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	return parse(path, data)
}

func parse(path string, data []byte) (*Config, error) {
	doc := strictyaml.Parse(data)
	if !doc.Parsed() {
		if err := doc.Err(path); err != nil {
			return nil, err
		}
		return nil, errors.New("reading the configuration: nothing in it") // unreachable: Parse says why
	}
	l := &loader{doc: doc, dir: filepath.Dir(path), places: map[string]strictyaml.At{}}
	c := l.config(doc.Root())
	if err := doc.Err(path); err != nil {
		return nil, err
	}
	c.path, c.places = path, l.places
	return c, nil
}

// loader reads the sections of one document.
type loader struct {
	doc    *strictyaml.Document
	dir    string
	rings  []*strictyaml.Map
	places map[string]strictyaml.At
}

// resolve makes a relative path relative to the configuration file.
func (l *loader) resolve(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(l.dir, path)
}

// file reads the path of a file that CheckFiles may want to complain about.
func (l *loader) file(m *strictyaml.Map, key string) string {
	at := m.At(key)
	l.places[at.Field] = at
	return l.resolve(m.String(key, ""))
}

func (l *loader) config(root *strictyaml.Map) *Config {
	c := &Config{
		Issuer:  l.issuer(root),
		Listen:  l.listen(root.Map("listen")),
		Ops:     Ops{Address: l.address(root.Map("ops"), "address", DefaultOpsAddress)},
		Vault:   l.vault(root.Map("vault")),
		Rings:   l.readRings(root),
		Keys:    l.keys(root.Map("keys")),
		Keeper:  l.keeper(root.Map("keeper")),
		Signing: l.signing(root.Map("signing")),
		Redis:   l.redis(root.Map("redis")),
		Tokens:  Tokens{TTL: root.Map("tokens").Duration("ttl", strictyaml.DurationRange{Default: DefaultTTL, Min: time.Second, Max: MaxTTLCap})},
		Refresh: l.refresh(root.Map("refresh")),
		Clients: Clients{File: l.resolve(root.Map("clients").String("file", DefaultClientsFile))},
		Audit:   l.audit(root.Map("audit")),
	}
	l.guards(c)
	return c
}

func (l *loader) listen(m *strictyaml.Map) Listen {
	tls := m.Map("tls")
	tls.NotYet("client_ca")
	listen := Listen{
		Address: l.address(m, "address", DefaultListenAddress),
		Drain:   m.Duration("drain", strictyaml.DurationRange{Default: DefaultDrain, Max: 5 * time.Minute}),
		TLS:     ServerTLS{Cert: l.file(tls, "cert"), Key: l.file(tls, "key")},
	}
	pair(tls)
	return listen
}

// pair refuses a certificate without its key, and a key without its certificate.
func pair(m *strictyaml.Map) {
	cert, key := m.String("cert", ""), m.String("key", "")
	if (cert == "") != (key == "") {
		l, r := "cert", "key"
		if cert == "" {
			l, r = r, l
		}
		m.Refuse(l, "stands without "+r, "give both files, or neither")
	}
}

func (l *loader) readRings(root *strictyaml.Map) []Ring {
	const example = "write `rings: [{name: signet-es256, algorithm: ES256}]`"
	l.rings = root.Maps("rings")
	if len(l.rings) == 0 && l.doc.Readable("rings") {
		root.Refuse("rings", "there is no key ring", example)
	}
	rings := make([]Ring, 0, len(l.rings))
	first := map[string]int{}
	for _, m := range l.rings {
		r := l.ring(m)
		if line, ok := first[r.Name]; ok && r.Name != "" {
			m.Refuse("name", fmt.Sprintf("%s is taken by the ring in line %d", strictyaml.Quote(r.Name), line), "give each ring a transit key of its own")
		} else {
			first[r.Name] = m.At("name").Line
		}
		rings = append(rings, r)
	}
	return rings
}

func (l *loader) ring(m *strictyaml.Map) Ring {
	r := Ring{
		Name:           m.Required("name", "signet-es256"),
		PublishDelay:   m.Duration("publish_delay", strictyaml.DurationRange{Default: DefaultPublishDelay, Max: RotationPeriodCap}),
		MaxTTL:         m.Duration("max_ttl", strictyaml.DurationRange{Default: DefaultMaxTTL, Min: time.Second, Max: MaxTTLCap}),
		RotationPeriod: m.Duration("rotation_period", strictyaml.DurationRange{Default: DefaultRotationPeriod, Min: time.Second, Max: RotationPeriodCap}),
		RetireMargin:   m.Duration("retire_margin", strictyaml.DurationRange{Default: DefaultRetireMargin, Max: RotationPeriodCap}),
	}
	if r.Name != "" {
		transitName(m, "name", r.Name)
	}
	algorithm, err := signer.ParseAlgorithm(m.String("algorithm", string(signer.ES256)))
	if err != nil {
		m.Refuse("algorithm", strictyaml.Quote(m.String("algorithm", ""))+" is not an algorithm that Signet signs with", "use one of "+signer.AlgorithmList())
		m.Has("rsa_bits")
		return r
	}
	r.Algorithm = algorithm
	r.RSABits = rsaBits(m, algorithm)
	return r
}

func (l *loader) keys(m *strictyaml.Map) Keys {
	k := Keys{
		RefreshInterval: m.Duration("refresh_interval", strictyaml.DurationRange{Default: DefaultRefreshInterval, Min: 50 * time.Millisecond, Max: time.Hour}),
		// Cache-Control has whole seconds (RFC 9111 section 1.2.2).
		JWKSMaxAge:   m.Duration("jwks_max_age", strictyaml.DurationRange{Default: DefaultJWKSMaxAge, Min: time.Second, Max: 7 * 24 * time.Hour}),
		StaleIfError: m.Duration("stale_if_error", strictyaml.DurationRange{Default: DefaultStaleIfError, Max: 7 * 24 * time.Hour}),
		// Vault's Date header has whole seconds, so nothing below 1s can be held.
		ClockSkew: m.Duration("clock_skew", strictyaml.DurationRange{Default: DefaultClockSkew, Min: time.Second, Max: time.Minute}),
	}
	wholeSeconds(m, "jwks_max_age", k.JWKSMaxAge)
	wholeSeconds(m, "stale_if_error", k.StaleIfError)
	k.RevokedKIDs = l.kids(m)
	return k
}

func wholeSeconds(m *strictyaml.Map, key string, d time.Duration) {
	if d%time.Second != 0 {
		m.Refuse(key, dur(d)+" is not a whole number of seconds", "write "+dur(d.Truncate(time.Second)+time.Second))
	}
}

func (l *loader) signing(m *strictyaml.Map) Signing {
	return Signing{
		InFlight: m.Int("in_flight", strictyaml.IntRange{Default: DefaultInFlight, Min: 1, Max: 64}),
		BatchMax: m.Int("batch_max", strictyaml.IntRange{Default: DefaultBatchMax, Min: 1, Max: 1000}),
		// One client may fill a quarter of the queue: four is the least that has one.
		QueueMax: m.Int("queue_max", strictyaml.IntRange{Default: DefaultQueueMax, Min: 4, Max: 1_000_000}),
		Verify:   m.Choice("verify", VerifyOne, VerifyAll),
	}
}

func (l *loader) refresh(m *strictyaml.Map) Refresh {
	r := Refresh{
		MACKey:              m.String("mac_key", DefaultMACKey),
		Grace:               m.Duration("grace", strictyaml.DurationRange{Default: DefaultGrace, Max: sessionCap}),
		Idle:                m.Duration("idle", strictyaml.DurationRange{Default: DefaultIdle, Min: time.Second, Max: sessionCap}),
		Absolute:            m.Duration("absolute", strictyaml.DurationRange{Default: DefaultAbsolute, Min: time.Second, Max: sessionCap}),
		ReplicasAck:         m.Int("replicas_ack", strictyaml.IntRange{Max: 5}),
		AcceptRollbackUntil: m.Time("accept_rollback_until"),
	}
	transitName(m, "mac_key", r.MACKey)
	return r
}
