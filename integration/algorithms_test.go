package integration_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"signet/integration"
)

var asymmetric = []string{"ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA"}

func ringOf(algorithm string) string { return "ring-" + strings.ToLower(algorithm) }

// TestAlgorithms: tokens of every algorithm verify, by kid from the JWKS
// alone, with four verifiers that share no code with Signet.
func TestAlgorithms(t *testing.T) {
	rings := []integration.Ring{{Name: ringOf("HS256"), Algorithm: "HS256"}}
	for _, a := range asymmetric {
		rings = append([]integration.Ring{{Name: ringOf(a), Algorithm: a}}, rings...)
	}
	stack := integration.New(t, &integration.Options{Rings: rings})
	s := stack.Signet(0)
	raw := s.Get(t, "/.well-known/jwks.json").Want(t, http.StatusOK).Body
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(raw, &set); err != nil {
		t.Fatalf("go-jose cannot read our JWK set: %v", err)
	}
	if len(set.Keys) != len(asymmetric) {
		t.Fatalf("%d keys in the JWK set, want one for each of %d asymmetric rings", len(set.Keys), len(asymmetric))
	}

	for _, algorithm := range asymmetric {
		t.Run(algorithm, func(t *testing.T) {
			token := s.IssueOn(t, stack.Demo, "user:alice", ringOf(algorithm))
			key := keyOf(t, set, token)
			if key.Algorithm != algorithm || key.Use != "sig" {
				t.Errorf("JWK alg %q use %q, want %q sig", key.Algorithm, key.Use, algorithm)
			}
			t.Run("go-oidc", func(t *testing.T) { verifyGoOIDC(t, s, token, algorithm) })
			t.Run("golang-jwt", func(t *testing.T) { verifyGolangJWT(t, token, algorithm, key) })
			t.Run("python3-jwt", func(t *testing.T) { verifyPython(t, token, algorithm, raw) })
			t.Run("openssl", func(t *testing.T) { verifyOpenSSL(t, token, algorithm, key) })
		})
	}

	t.Run("HS256", func(t *testing.T) {
		token := s.IssueOn(t, stack.Demo, "user:alice", ringOf("HS256"))
		kid := header(t, token)["kid"]
		if slices.Contains(s.KIDs(t), fmt.Sprint(kid)) {
			t.Error("the kid of an HS256 key is in the JWK set")
		}
		if bytes.Contains(raw, []byte(`"oct"`)) || bytes.Contains(raw, []byte(`"k":`)) {
			t.Error("the JWK set contains a symmetric key")
		}
		if !s.Active(t, stack.Demo, token) {
			t.Error("introspection, the only verifier of HS256, says inactive")
		}
		if s.Active(t, stack.Demo, token[:len(token)-2]+flip(token[len(token)-2:])) {
			t.Error("introspection accepts a changed HS256 tag")
		}
	})
}

// flip changes base64url characters without making them invalid.
func flip(s string) string {
	return strings.Map(func(r rune) rune {
		if r == 'A' {
			return 'E'
		}
		return 'A'
	}, s)
}

func header(t *testing.T, token string) map[string]any {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[0])
	if err != nil {
		t.Fatalf("header: %v", err)
	}
	var h map[string]any
	if err := json.Unmarshal(raw, &h); err != nil {
		t.Fatalf("header: %v", err)
	}
	return h
}

func kidOf(t *testing.T, token string) string {
	t.Helper()
	kid, ok := header(t, token)["kid"].(string)
	if !ok {
		t.Fatal("the token's header has no kid")
	}
	return kid
}

// keyOf finds the key by kid and by nothing else: a verifier that tries every
// key would not see a wrong kid.
func keyOf(t *testing.T, set jose.JSONWebKeySet, token string) jose.JSONWebKey {
	t.Helper()
	keys := set.Key(kidOf(t, token))
	if len(keys) != 1 {
		t.Fatalf("%d keys in the JWK set for the token's kid, want 1", len(keys))
	}
	return keys[0]
}

func verifyGoOIDC(t *testing.T, s *integration.Signet, token, algorithm string) {
	t.Helper()
	provider, err := oidc.NewProvider(t.Context(), s.URL)
	if err != nil {
		t.Fatalf("discovery: %v", err)
	}
	verifier := provider.Verifier(&oidc.Config{ClientID: "https://api.example.com", SupportedSigningAlgs: []string{algorithm}})
	if _, err := verifier.Verify(t.Context(), token); err != nil {
		t.Error(err)
	}
}

func verifyGolangJWT(t *testing.T, token, algorithm string, key jose.JSONWebKey) {
	t.Helper()
	parser := jwt.NewParser(jwt.WithValidMethods([]string{algorithm}), jwt.WithAudience("https://api.example.com"), jwt.WithExpirationRequired())
	if _, err := parser.Parse(token, func(*jwt.Token) (any, error) { return key.Key, nil }); err != nil {
		t.Error(err)
	}
}

const pythonVerifier = `
import json, sys, jwt
given = json.load(sys.stdin)
kid = jwt.get_unverified_header(given["token"])["kid"]
key = [k for k in given["jwks"]["keys"] if k["kid"] == kid][0]
claims = jwt.decode(given["token"], jwt.PyJWK.from_dict(key).key, algorithms=[given["alg"]], audience="https://api.example.com")
assert claims["sub"] == "user:alice", claims
`

func verifyPython(t *testing.T, token, algorithm string, jwks []byte) {
	t.Helper()
	const python = "/usr/bin/python3"
	integration.Need(t, exec.CommandContext(t.Context(), python, "-c", "import jwt, cryptography").Run() == nil, "Debian's python3-jwt and python3-cryptography")
	in, err := json.Marshal(map[string]any{"token": token, "alg": algorithm, "jwks": json.RawMessage(jwks)})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, "-c", pythonVerifier)
	cmd.Stdin = bytes.NewReader(in)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// verifyOpenSSL hands openssl the bare pieces: signing input, signature and
// the public key from the JWK.
func verifyOpenSSL(t *testing.T, token, algorithm string, key jose.JSONWebKey) {
	t.Helper()
	openssl, err := exec.LookPath("openssl")
	integration.Need(t, err == nil, "openssl")
	parts := strings.Split(token, ".")
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	if public, ok := key.Key.(*ecdsa.PublicKey); ok {
		signature = derOf(t, signature, public)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pub := file("pub.pem", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	sig := file("sig", signature)
	input := file("input", []byte(parts[0]+"."+parts[1]))
	args := []string{"dgst", "-sha" + algorithm[2:], "-verify", pub, "-signature", sig}
	switch algorithm[:2] {
	case "PS":
		args = append(args, "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest")
	case "Ed":
		args = []string{"pkeyutl", "-verify", "-pubin", "-inkey", pub, "-sigfile", sig, "-rawin", "-in"}
	}
	if out, err := exec.CommandContext(t.Context(), openssl, append(args, input)...).CombinedOutput(); err != nil {
		t.Errorf("openssl %v: %v\n%s", args, err, out)
	}
}

// derOf turns the fixed-length R||S of RFC 7518 section 3.4 into the ASN.1
// form that openssl reads.
func derOf(t *testing.T, signature []byte, key *ecdsa.PublicKey) []byte {
	t.Helper()
	size := (key.Curve.Params().BitSize + 7) / 8
	if len(signature) != 2*size {
		t.Fatalf("signature of %d bytes, want %d", len(signature), 2*size)
	}
	der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])})
	if err != nil {
		t.Fatal(err)
	}
	return der
}
