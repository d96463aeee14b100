package vaultinittest

import (
	"encoding/base64"
	"maps"
	"strings"

	"signet/signer"
)

// body is a request's JSON.
type body map[string]any

// with is a copy with some parameters changed; a nil value drops one.
func (b body) with(changes body) body {
	out := maps.Clone(b)
	for name, v := range changes {
		if v == nil {
			delete(out, name)
			continue
		}
		out[name] = v
	}
	return out
}

// signBody is the right request to sign with version 1, written out here and not
// taken from vaultkeys: what the policies allow must not drift with the code.
func signBody(alg signer.Algorithm) body {
	digest := map[signer.Algorithm]int{
		signer.ES256: 32, signer.ES384: 48, signer.ES512: 64, signer.RS256: 32, signer.RS384: 48, signer.RS512: 64,
		signer.PS256: 32, signer.PS384: 48, signer.PS512: 64,
	}
	hash := map[int]string{32: "sha2-256", 48: "sha2-384", 64: "sha2-512"}
	b := body{"key_version": "1", "marshaling_algorithm": "jws", "batch_input": []any{item(digest[alg])}}
	if n := digest[alg]; n > 0 {
		b["hash_algorithm"], b["prehashed"] = hash[n], "true"
	}
	if strings.HasPrefix(string(alg), "RS") {
		b["signature_algorithm"] = "pkcs1v15"
	}
	if strings.HasPrefix(string(alg), "PS") {
		b["signature_algorithm"], b["salt_length"] = "pss", "hash"
	}
	return b
}

// hmacBody is the right request to sign with an HS256 ring.
func hmacBody() body {
	return body{"key_version": "1", "algorithm": "sha2-256", "batch_input": []any{item(0)}}
}

func item(digest int) map[string]string {
	return map[string]string{"input": base64.StdEncoding.EncodeToString(make([]byte, max(digest, 16))), "reference": "jti"}
}

// labelBody is the right request for the secret behind refresh tokens.
func labelBody() body {
	return body{"key_version": "1", "input": encoded("signet refresh v1")}
}

func encoded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
