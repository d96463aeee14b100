package vaultinit

import (
	"embed"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"text/template"

	"signet/vaultkeys"
)

// Policy is one ACL policy of Vault's, in HCL.
type Policy struct{ Name, Text string }

//go:embed templates/*.tmpl
var templates embed.FS

var parsed = template.Must(template.ParseFS(templates, "templates/*.tmpl"))

// Policies renders the policies of issuer, keeper and auditor, in that order.
// deploy/vault holds them for one ES256 ring and all defaults.
func Policies(cfg Config) ([]Policy, error) {
	cfg.defaults()
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("rendering policies: %w", err)
	}
	data := policyData{Mount: cfg.Mount}
	paths := vaultkeys.Paths{Mount: cfg.Mount}
	for _, k := range cfg.keys() {
		data.Keys = append(data.Keys, paths.Key(k.name))
	}
	for _, r := range cfg.Rings {
		data.Rings = append(data.Rings, ringData{
			Name: r.Name, Algorithm: string(r.Algorithm), Key: paths.Key(r.Name), Rotate: paths.Rotate(r.Name),
			Locks: ringLocks(paths, r), Config: minimumsLock(paths.KeyConfig(r.Name)), Trim: trimLock(paths.Trim(r.Name)),
		})
	}
	data.MAC = macData{Key: paths.Key(cfg.MACKey), Lock: macLock(paths.HMAC(cfg.MACKey))}
	out := make([]Policy, 0, 3)
	for _, p := range []struct{ name, template string }{{Issuer, "issuer.hcl.tmpl"}, {Keeper, "keeper.hcl.tmpl"}, {Auditor, "auditor.hcl.tmpl"}} {
		var b strings.Builder
		if err := parsed.ExecuteTemplate(&b, p.template, data); err != nil {
			return nil, fmt.Errorf("rendering policy %s: %w", p.name, err)
		}
		out = append(out, Policy{Name: p.name, Text: b.String()})
	}
	return out, nil
}

// policyData is what the templates see.
type policyData struct {
	Mount string
	Keys  []string // paths of all keys
	Rings []ringData
	MAC   macData
}

type ringData struct {
	Name, Algorithm, Key, Rotate string
	Locks                        []lock // what the issuer may ask of it
	Config, Trim                 lock   // what the keeper may
}

type macData struct {
	Key  string
	Lock lock
}

// lock is a path that may be written to, with these parameters only.
type lock struct {
	Path   string
	Params []param
}

// param is one parameter; no values means any value.
type param struct {
	name     string
	values   []string
	optional bool
}

// versions match a pinned version, sent as a string: Vault compares a JSON
// number with no string, and "0" would mean the latest version.
var versions = []string{"1*", "2*", "3*", "4*", "5*", "6*", "7*", "8*", "9*"}

func pinned() param { return param{name: "key_version", values: versions} }

func label(text string) []string {
	return []string{base64.StdEncoding.EncodeToString([]byte(text))}
}

// ringLocks are exactly the requests that vaultkeys.Batcher and vaultkeys.Rings
// make, with every parameter that decides what is signed. A single input beside
// the batches is the same right, and lets an operator compare the two.
func ringLocks(paths vaultkeys.Paths, r vaultkeys.RingConfig) []lock {
	p := vaultkeys.ParamsOf(r.Algorithm, r.RSABits)
	batch := param{name: "batch_input", optional: true}
	if r.Algorithm.Symmetric() {
		return []lock{
			{Path: paths.HMAC(r.Name), Params: []param{
				pinned(),
				{name: "algorithm", values: []string{p.HashAlgorithm}, optional: true},
				batch,
				{name: "input", values: label(vaultkeys.KIDLabel), optional: true},
			}},
			{Path: paths.Verify(r.Name), Params: []param{
				{name: "hash_algorithm", values: []string{p.HashAlgorithm}},
				{name: "hmac", values: []string{"vault:v*"}},
				{name: "input"},
			}},
		}
	}
	params := []param{pinned()}
	add := func(name, value string) {
		if value != "" {
			params = append(params, param{name: name, values: []string{value}})
		}
	}
	add("marshaling_algorithm", p.MarshalingAlgorithm)
	add("hash_algorithm", p.HashAlgorithm)
	add("signature_algorithm", p.SignatureAlgorithm)
	add("salt_length", p.SaltLength)
	if p.Prehashed {
		add("prehashed", strconv.FormatBool(true))
	}
	return []lock{{Path: paths.Sign(r.Name), Params: append(params, batch, param{name: "input", optional: true})}}
}

// macLock lets exactly one label be derived: whoever could choose it could
// compute refresh tokens' MACs one by one.
func macLock(path string) lock {
	return lock{Path: path, Params: []param{pinned(), {name: "input", values: label(vaultkeys.MACLabel)}}}
}

func minimumsLock(path string) lock {
	return lock{Path: path, Params: []param{
		{name: "min_decryption_version", values: versions, optional: true},
		{name: "min_encryption_version", values: versions, optional: true},
	}}
}

func trimLock(path string) lock {
	return lock{Path: path, Params: []param{{name: "min_available_version", values: versions}}}
}

// Required, Allowed and Denied are the lock's three lists in HCL.
func (l lock) Required() string {
	var names []string
	for _, p := range l.Params {
		if !p.optional {
			names = append(names, p.name)
		}
	}
	return quoted(names)
}

// Allowed is the body of allowed_parameters.
func (l lock) Allowed() string {
	return l.table(func(p param) ([]string, bool) { return p.values, true })
}

// Denied is the body of denied_parameters: the empty string, which passes every
// allow list (vault/acl.go splits it at commas, finds nothing, and so nothing
// that is not allowed), and which transit reads as its default: the latest
// version, SHA-256, PSS, no prehash.
func (l lock) Denied() string {
	return l.table(func(p param) ([]string, bool) { return []string{""}, len(p.values) > 0 })
}

func (l lock) table(values func(param) ([]string, bool)) string {
	width := 0
	for _, p := range l.Params {
		if _, ok := values(p); ok {
			width = max(width, len(p.name))
		}
	}
	var b strings.Builder
	for _, p := range l.Params {
		if list, ok := values(p); ok {
			fmt.Fprintf(&b, "    %-*s = %s\n", width+2, strconv.Quote(p.name), quoted(list))
		}
	}
	return b.String()
}

// quoted is a list in HCL.
func quoted(list []string) string {
	out := make([]string, 0, len(list))
	for _, s := range list {
		out = append(out, strconv.Quote(s))
	}
	return "[" + strings.Join(out, ", ") + "]"
}
