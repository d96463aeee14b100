package vaultcheck

import (
	"encoding/base64"
	"maps"
	"strconv"

	"signet/signer"
	"signet/vaultkeys"
)

// ProbeText is what a check has signed, with the reference [ProbeReference]. It
// has blanks and no dot, so it is no JWS signing input (RFC 7515 section 5.1),
// nor is its digest that of one: whoever gets hold of the signature has no
// token. It never changes, so that whoever reads Vault's audit log can tell
// these signatures from others.
const (
	ProbeText      = "signet vault check: never a token"
	ProbeReference = "signet-vault-check"
)

// ProbeInput is the "input" that Vault gets for an algorithm, in base64: the
// digest of [ProbeText], or the text itself where Vault hashes.
func ProbeInput(alg signer.Algorithm) string {
	sent := []byte(ProbeText)
	if vaultkeys.ParamsOf(alg, 0).Prehashed {
		sent = alg.Digest(sent)
	}
	return base64.StdEncoding.EncodeToString(sent)
}

// body is a request's JSON. Every parameter is a string: a policy compares no others.
type body map[string]any

// with is a copy with one parameter changed.
func (b body) with(name, value string) body {
	out := maps.Clone(b)
	out[name] = value
	return out
}

// without is a copy that lacks one parameter.
func (b body) without(name string) body {
	out := maps.Clone(b)
	delete(out, name)
	return out
}

// probe is the request that `signet serve` makes to sign with this version.
func probe(r *vaultkeys.RingConfig, version int) body {
	p := vaultkeys.ParamsOf(r.Algorithm, r.RSABits)
	b := body{
		"key_version": strconv.Itoa(max(1, version)),
		"batch_input": []map[string]string{{"input": ProbeInput(r.Algorithm), "reference": ProbeReference}},
	}
	hash := "hash_algorithm"
	if r.Algorithm.Symmetric() {
		hash = "algorithm" // transit/hmac's name for it
	}
	for name, value := range map[string]string{
		hash: p.HashAlgorithm, "signature_algorithm": p.SignatureAlgorithm,
		"salt_length": p.SaltLength, "marshaling_algorithm": p.MarshalingAlgorithm,
	} {
		if value != "" {
			b[name] = value
		}
	}
	if p.Prehashed {
		b["prehashed"] = "true"
	}
	return b
}

// unpinned are the ways to ask for "the latest version".
func unpinned(right body) []attempt {
	return []attempt{
		{"no key_version", right.without("key_version")},
		{`key_version "0"`, right.with("key_version", "0")},
		{`key_version ""`, right.with("key_version", "")},
	}
}

// attempt is a request that must be refused, and what is wrong with it.
type attempt struct {
	what string
	body body
}
