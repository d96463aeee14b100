package vaulttest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/asn1"
	"encoding/base64"
	"fmt"
	"hash"
	"math/big"
	"strconv"
	"strings"

	"signet/vaultkeys/vaultapi"
)

// signParams are the top-level parameters of transit/sign and transit/verify.
// Those inside batch items are ignored, key_version included.
type signParams struct {
	version   int
	hash      crypto.Hash
	jws       bool
	prehashed bool
	padding   string
	salt      int
}

func parseSign(params map[string]any) (signParams, *refusal) {
	p := signParams{
		version: intParam(params, "key_version", 0), hash: crypto.SHA256, salt: rsa.PSSSaltLengthAuto,
		prehashed: fmt.Sprint(params["prehashed"]) == "true", padding: stringParam(params, "signature_algorithm", "pss"),
	}
	switch name := stringParam(params, "hash_algorithm", stringParam(params, "algorithm", "sha2-256")); name {
	case "sha2-256":
	case "sha2-384":
		p.hash = crypto.SHA384
	case "sha2-512":
		p.hash = crypto.SHA512
	default:
		return p, badRequest("invalid hash algorithm %q", name)
	}
	switch name := stringParam(params, "marshaling_algorithm", "asn1"); name {
	case "asn1":
	case "jws":
		p.jws = true
	default:
		return p, badRequest("invalid marshaling type %q", name)
	}
	switch name := strings.ToLower(stringParam(params, "salt_length", "auto")); name {
	case "auto":
	case "hash":
		p.salt = rsa.PSSSaltLengthEqualsHash
	default:
		n, err := strconv.Atoi(name)
		if err != nil {
			return p, badRequest("salt length neither 'auto', 'hash', nor an int: %s", name)
		}
		p.salt = n
	}
	return p, nil
}

// sign is transit/sign: a batch answers 200 with an error in each item, a
// single request fails as a whole (with 500 for a refused version).
func (f *Fake) sign(name string, params map[string]any) (any, *refusal) {
	k := f.keys[name]
	if k == nil {
		return nil, missing("signing key")
	}
	if k.typ == "hmac" {
		return nil, badRequest("key type %s does not support signing", k.typ)
	}
	p, ref := parseSign(params)
	if ref != nil {
		return nil, ref
	}
	items, batch, ref := batchItems(params, "input")
	if ref != nil {
		return nil, ref
	}
	results := make([]map[string]any, len(items))
	for i, item := range items {
		signature, number, ref := k.sign(p, item)
		if ref != nil && !batch {
			return nil, ref
		}
		results[i] = map[string]any{"key_version": number}
		if ref != nil {
			results[i]["error"] = ref.message
		} else {
			results[i]["signature"] = signature
		}
		reference(results[i], item)
	}
	if batch {
		return map[string]any{"batch_results": results}, nil
	}
	return results[0], nil
}

func (k *key) sign(p signParams, item map[string]any) (string, int, *refusal) {
	input, ref := decodeInput(item, "unable to decode input: ")
	if ref != nil {
		return "", 0, ref
	}
	number := p.version
	refused := func(message string) *refusal { return &refusal{vaultapi.ErrVersionRefused, 500, message} }
	switch {
	case number == 0:
		number = k.latest
	case number < 0:
		return "", 0, refused("requested version for signing is negative")
	case number > k.latest:
		return "", 0, refused("requested version for signing is higher than the latest key version")
	case k.minEnc > 0 && number < k.minEnc:
		return "", 0, refused("requested version for signing is less than the minimum encryption key version")
	}
	v := k.versions[number]
	if v == nil || number < k.minDec { // archived
		return "", 0, &refusal{vaultapi.ErrVersionRefused, 500, "no such key version"}
	}
	raw, err := v.sign(p, input)
	if err != nil {
		return "", 0, &refusal{vaultapi.ErrBadRequest, 500, err.Error()}
	}
	encoding := base64.StdEncoding
	if p.jws {
		encoding = base64.RawURLEncoding
	}
	return "vault:v" + strconv.Itoa(number) + ":" + encoding.EncodeToString(raw), number, nil
}

func (v *version) sign(p signParams, input []byte) ([]byte, error) {
	if private, ok := v.private.(ed25519.PrivateKey); ok {
		return ed25519.Sign(private, input), nil // hashes inside, never prehashed
	}
	digest := p.digest(input)
	switch private := v.private.(type) {
	case *ecdsa.PrivateKey:
		if !p.jws {
			return ecdsa.SignASN1(rand.Reader, private, digest)
		}
		r, s, err := ecdsa.Sign(rand.Reader, private, digest)
		if err != nil {
			return nil, err
		}
		size := (private.Curve.Params().BitSize + 7) / 8
		raw := make([]byte, 2*size)
		r.FillBytes(raw[:size])
		s.FillBytes(raw[size:])
		return raw, nil
	case *rsa.PrivateKey:
		if p.padding == "pkcs1v15" {
			return rsa.SignPKCS1v15(rand.Reader, private, p.hash, digest)
		}
		return rsa.SignPSS(rand.Reader, private, p.hash, digest, &rsa.PSSOptions{SaltLength: p.salt})
	default:
		return nil, fmt.Errorf("a %T cannot sign", v.private)
	}
}

func (p signParams) digest(input []byte) []byte {
	if p.prehashed {
		return input
	}
	h := p.hash.New()
	h.Write(input)
	return h.Sum(nil)
}

// hmac is transit/hmac. Its answer has no key_version, only the prefix.
func (f *Fake) hmac(name string, params map[string]any) (any, *refusal) {
	k := f.keys[name]
	if k == nil {
		return nil, missing("encryption key")
	}
	number := intParam(params, "key_version", 0)
	switch {
	case number == 0:
		number = k.latest
	case number == k.latest:
	case k.minEnc > 0 && number < k.minEnc:
		return nil, &refusal{vaultapi.ErrVersionRefused, 400, "cannot generate HMAC: version is too old (disallowed by policy)"}
	case number > k.latest:
		return nil, &refusal{vaultapi.ErrVersionRefused, 400, fmt.Sprintf("key version does not exist; latest key version is %d", k.latest)}
	}
	v := k.versions[number]
	if v == nil || number < k.minDec {
		return nil, &refusal{vaultapi.ErrVersionRefused, 400, "no such key version"}
	}
	if params["batch_input"] == nil && params["input"] == nil {
		return nil, badRequest("missing input for HMAC")
	}
	items, batch, ref := batchItems(params, "input")
	if ref != nil {
		return nil, ref
	}
	results := make([]map[string]any, len(items))
	for i, item := range items {
		results[i] = map[string]any{}
		input, ref := decodeInput(item, "unable to decode input as base64: ")
		if ref != nil && !batch {
			return nil, ref
		}
		if ref != nil {
			results[i]["error"] = ref.message
		} else {
			mac := v.mac(newHash(params), input)
			results[i]["hmac"] = "vault:v" + strconv.Itoa(number) + ":" + base64.StdEncoding.EncodeToString(mac)
		}
		reference(results[i], item)
	}
	if batch {
		return map[string]any{"batch_results": results}, nil
	}
	return results[0], nil
}

func (v *version) mac(newHash func() hash.Hash, input []byte) []byte {
	h := hmac.New(newHash, v.secret)
	h.Write(input)
	return h.Sum(nil)
}

func newHash(params map[string]any) func() hash.Hash {
	switch stringParam(params, "hash_algorithm", stringParam(params, "algorithm", "sha2-256")) {
	case "sha2-384":
		return sha512.New384
	case "sha2-512":
		return sha512.New
	default:
		return sha256.New
	}
}

// verify is transit/verify, of signatures or of HMACs.
func (f *Fake) verify(name string, params map[string]any) (any, *refusal) {
	k := f.keys[name]
	if k == nil {
		return nil, missing("signature verification key")
	}
	p, ref := parseSign(params)
	if ref != nil {
		return nil, ref
	}
	items, batch, ref := batchItems(params, "input", "hmac", "signature")
	if ref != nil {
		return nil, ref
	}
	results := make([]map[string]any, len(items))
	for i, item := range items {
		valid, ref := k.verify(p, newHash(params), item)
		if ref != nil && !batch {
			return nil, ref
		}
		results[i] = map[string]any{"valid": valid}
		if ref != nil {
			results[i]["error"] = ref.message
		}
		reference(results[i], item)
	}
	if batch {
		return map[string]any{"batch_results": results}, nil
	}
	return results[0], nil
}

func (k *key) verify(p signParams, newHash func() hash.Hash, item map[string]any) (bool, *refusal) {
	input, ref := decodeInput(item, "unable to decode input as base64: ")
	if ref != nil {
		return false, ref
	}
	text, isMAC := item["hmac"].(string)
	if !isMAC {
		text, _ = item["signature"].(string)
	}
	rest, ok := strings.CutPrefix(text, "vault:v")
	if !ok {
		return false, badRequest("invalid HMAC or signature to verify: no prefix")
	}
	digits, encoded, ok := strings.Cut(rest, ":")
	number, err := strconv.Atoi(digits)
	if err != nil || !ok {
		return false, badRequest("invalid HMAC or signature: version number could not be decoded")
	}
	encoding := base64.StdEncoding
	if !isMAC && p.jws {
		encoding = base64.RawURLEncoding
	}
	raw, err := encoding.DecodeString(encoded)
	if err != nil {
		return false, badRequest("unable to decode verification string as base64: %s", err)
	}
	if ref := k.mayVerify(number, isMAC); ref != nil {
		return false, ref
	}
	v := k.versions[number]
	if isMAC {
		return hmac.Equal(v.mac(newHash, input), raw), nil
	}
	return v.verify(p, input, raw), nil
}

func (k *key) mayVerify(number int, isMAC bool) *refusal {
	switch {
	case number > k.latest && isMAC:
		return &refusal{vaultapi.ErrVersionRefused, 400, "invalid HMAC: version is too new"}
	case number > k.latest:
		return &refusal{vaultapi.ErrVersionRefused, 400, "invalid signature: version is too new"}
	case number < k.minDec && isMAC:
		return &refusal{vaultapi.ErrVersionRefused, 400, "cannot verify HMAC: version is too old (disallowed by policy)"}
	case number < k.minDec:
		return &refusal{vaultapi.ErrVersionRefused, 400, "ciphertext or signature version is disallowed by policy (too old)"}
	case k.versions[number] == nil:
		return &refusal{vaultapi.ErrVersionRefused, 400, "no such key version"}
	default:
		return nil
	}
}

func (v *version) verify(p signParams, input, raw []byte) bool {
	if private, ok := v.private.(ed25519.PrivateKey); ok {
		pub, ok := private.Public().(ed25519.PublicKey)
		return ok && ed25519.Verify(pub, input, raw)
	}
	digest := p.digest(input)
	switch private := v.private.(type) {
	case *ecdsa.PrivateKey:
		if !p.jws {
			var rs struct{ R, S *big.Int }
			rest, err := asn1.Unmarshal(raw, &rs)
			return err == nil && len(rest) == 0 && ecdsa.Verify(&private.PublicKey, digest, rs.R, rs.S)
		}
		half := len(raw) / 2
		return ecdsa.Verify(&private.PublicKey, digest, new(big.Int).SetBytes(raw[:half]), new(big.Int).SetBytes(raw[half:]))
	case *rsa.PrivateKey:
		if p.padding == "pkcs1v15" {
			return rsa.VerifyPKCS1v15(&private.PublicKey, p.hash, digest, raw) == nil
		}
		return rsa.VerifyPSS(&private.PublicKey, p.hash, digest, raw, &rsa.PSSOptions{SaltLength: p.salt}) == nil
	default:
		return false
	}
}

// batchItems are the items of batch_input, or the one request as an item.
func batchItems(params map[string]any, single ...string) ([]map[string]any, bool, *refusal) {
	raw, batch := params["batch_input"]
	if !batch || raw == nil {
		item := map[string]any{"input": ""} // absent is empty, not an error
		for _, name := range single {
			if v, ok := params[name]; ok {
				item[name] = v
			}
		}
		return []map[string]any{item}, false, nil
	}
	list, ok := raw.([]any)
	if !ok || len(list) == 0 {
		return nil, true, badRequest("missing batch input to process")
	}
	items := make([]map[string]any, len(list))
	for i, v := range list {
		item, ok := v.(map[string]any)
		if !ok {
			return nil, true, badRequest("failed to parse batch input")
		}
		items[i] = item
	}
	return items, true, nil
}

func decodeInput(item map[string]any, complaint string) ([]byte, *refusal) {
	text, ok := item["input"].(string)
	if !ok {
		return nil, badRequest("missing input")
	}
	input, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, badRequest("%s%s", complaint, err)
	}
	return input, nil
}

func reference(result, item map[string]any) {
	if ref, ok := item["reference"].(string); ok && ref != "" {
		result["reference"] = ref
	}
}

func stringParam(params map[string]any, name, otherwise string) string {
	if s, ok := params[name].(string); ok && s != "" {
		return s
	}
	return otherwise
}

// intParam reads a number as Vault's framework does: from a number or a string.
func intParam(params map[string]any, name string, otherwise int) int {
	switch v := params[name].(type) {
	case float64:
		return int(v)
	case string:
		if n, err := strconv.Atoi(v); err == nil {
			return n
		}
	}
	return otherwise
}
