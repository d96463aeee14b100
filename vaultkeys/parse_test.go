package vaultkeys_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strconv"
	"testing"
	"time"

	"signet/signer"
	"signet/vaultkeys"
	"signet/vaultkeys/vaulttest"
)

// The example of RFC 7638 section 3.1.
func TestThumbprintIsRFC7638(t *testing.T) {
	t.Parallel()
	const n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs" +
		"tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbIS" +
		"D08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
	raw, err := base64.RawURLEncoding.DecodeString(n)
	if err != nil {
		t.Fatal(err)
	}
	got, err := vaultkeys.Thumbprint(&rsa.PublicKey{N: new(big.Int).SetBytes(raw), E: 65537})
	if err != nil || got != "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" {
		t.Fatalf("Thumbprint = %q, %v", got, err)
	}
}

func TestThumbprintRefusesWhatIsNotPublic(t *testing.T) {
	t.Parallel()
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]crypto.PublicKey{
		"private": private, "symmetric": []byte("0123456789abcdef0123456789abcdef"), "nil": nil,
		"nil EC": (*ecdsa.PublicKey)(nil), "short Ed25519": ed25519.PublicKey("short"), "empty RSA": &rsa.PublicKey{},
	} {
		if kid, err := vaultkeys.Thumbprint(key); err == nil {
			t.Errorf("%s: thumbprint %q", name, kid)
		}
	}
}

func TestJWKSMembers(t *testing.T) {
	t.Parallel()
	// Keys with a leading zero octet in a coordinate turn up every 128 keys or so.
	lengths := map[signer.Algorithm]int{signer.ES256: 32, signer.ES384: 48, signer.ES512: 66}
	for alg, size := range lengths {
		f := newFixture(t, nil, ring("es", alg))
		padded := false
		for range 400 {
			f.vault.CreateKey("es", vaultkeys.ParamsOf(alg, 0).KeyType)
			pub, ok := f.vault.Public("es", 1).(*ecdsa.PublicKey)
			if !ok {
				t.Fatal("not an EC key")
			}
			point, err := pub.Bytes() // 4 || X || Y
			if err != nil {
				t.Fatal(err)
			}
			if padded = point[1] == 0 || point[1+size] == 0; padded {
				break
			}
		}
		if !padded && alg != signer.ES512 {
			t.Logf("%s: met no coordinate with a leading zero", alg)
		}
		f.load(t)
		var set struct {
			Keys []map[string]string `json:"keys"`
		}
		if err := json.Unmarshal(f.rings.JWKS().Body, &set); err != nil || len(set.Keys) != 1 {
			t.Fatalf("%s: %v %v", alg, set, err)
		}
		want := []string{"kty", "kid", "crv", "alg", "x", "y", "use"}
		for _, name := range want {
			if set.Keys[0][name] == "" {
				t.Errorf("%s: no member %q", alg, name)
			}
		}
		if len(set.Keys[0]) != len(want) {
			t.Errorf("%s: members %v, want only %v", alg, set.Keys[0], want)
		}
		for _, name := range []string{"x", "y"} {
			if raw, err := base64.RawURLEncoding.DecodeString(set.Keys[0][name]); err != nil || len(raw) != size {
				t.Errorf("%s: %s has %d bytes, want %d (%v)", alg, name, len(raw), size, err)
			}
		}
	}
}

func TestParsePublicRefusesOtherKeys(t *testing.T) {
	t.Parallel()
	vault := vaulttest.New(nil)
	texts := map[string]string{}
	for _, typ := range []string{"ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa-2048", "rsa-3072", "ed25519"} {
		vault.CreateKey(typ, typ)
		var out struct {
			Keys map[string]struct {
				PublicKey string `json:"public_key"`
			} `json:"keys"`
		}
		if _, err := vault.Read(t.Context(), "transit/keys/"+typ, &out); err != nil {
			t.Fatal(err)
		}
		texts[typ] = out.Keys["1"].PublicKey
	}
	for _, alg := range signer.Algorithms() {
		if alg.Symmetric() {
			continue
		}
		for typ, text := range texts {
			fits := vaultkeys.ParamsOf(alg, 0).KeyType == typ
			if _, err := vaultkeys.ParsePublic(alg, 0, text); (err == nil) != fits {
				t.Errorf("%s with a %s key: %v", alg, typ, err)
			}
		}
	}
	if _, err := vaultkeys.ParsePublic(signer.RS256, 3072, texts["rsa-3072"]); err != nil {
		t.Errorf("RSA 3072: %v", err)
	}
	pkcs1, ok := vault.Public("rsa-2048", 1).(*rsa.PublicKey)
	if !ok {
		t.Fatal("not an RSA key")
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(pkcs1)})
	if _, err := vaultkeys.ParsePublic(signer.RS256, 0, string(text)); err != nil {
		t.Errorf("PKCS #1: %v", err)
	}
}

func TestVersionsSortAsNumbers(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	for range 11 {
		f.vault.Rotate("es")
	}
	f.load(t)
	kids := f.kids(t)
	for i, kid := range kids {
		if want := kidOf(t, f, len(kids)-i); kid != want {
			t.Fatalf("position %d is not version %d", i, len(kids)-i)
		}
	}
}

func TestClockOffset(t *testing.T) {
	t.Parallel()
	date := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) time.Time { return date.Add(d) }
	for name, tc := range map[string]struct {
		sent, received, want time.Duration
	}{
		"exact":                  {0, 0, 0},
		"within the second":      {time.Second, time.Second, 0},
		"ahead":                  {7 * time.Second, 7 * time.Second, 6 * time.Second},
		"behind":                 {-6 * time.Second, -6 * time.Second, -6 * time.Second},
		"a slow answer":          {-9 * time.Second, 9 * time.Second, 0},
		"slow and surely ahead":  {3 * time.Second, 9 * time.Second, 2 * time.Second},
		"slow and surely behind": {-9 * time.Second, -2 * time.Second, -2 * time.Second},
	} {
		if got := vaultkeys.ClockOffset(at(tc.sent), at(tc.received), date); got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}

func FuzzParseHMAC(f *testing.F) {
	mac := base64.StdEncoding.EncodeToString(make([]byte, sha256.Size))
	for _, seed := range []string{"vault:v1:" + mac, "vault:v2:" + mac, "vault:v1:" + mac + "\n", "vault:v1:", "vault:v01:" + mac, ""} {
		f.Add(seed, 1)
	}
	f.Fuzz(func(t *testing.T, text string, version int) {
		got, err := vaultkeys.ParseHMAC(text, version)
		if err != nil {
			return
		}
		if len(got) != sha256.Size {
			t.Fatalf("accepted %d bytes", len(got))
		}
		if again := "vault:v" + strconv.Itoa(version) + ":" + base64.StdEncoding.EncodeToString(got); again != text {
			t.Fatalf("%q is a second spelling of %q", text, again)
		}
	})
}

func FuzzParsePublic(f *testing.F) {
	vault := vaulttest.New(nil)
	for _, typ := range []string{"ecdsa-p256", "ed25519", "rsa-2048"} {
		vault.CreateKey(typ, typ)
		der, err := x509.MarshalPKIXPublicKey(vault.Public(typ, 1))
		if err != nil {
			f.Fatal(err)
		}
		for alg := range signer.Algorithms() {
			f.Add(alg, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))
		}
	}
	f.Add(9, base64.StdEncoding.EncodeToString(make([]byte, 32)))
	f.Fuzz(func(t *testing.T, index int, text string) {
		algs := signer.Algorithms()
		if index < 0 || index >= len(algs) {
			return
		}
		pub, err := vaultkeys.ParsePublic(algs[index], 0, text)
		if err != nil {
			return
		}
		// A key without a thumbprint (a low-order Ed25519 point) is refused there.
		if kid, err := vaultkeys.Thumbprint(pub); err == nil && len(kid) != 43 {
			t.Fatalf("kid %q", kid)
		}
	})
}

func FuzzVersionNumber(f *testing.F) {
	for _, seed := range []string{"1", "10", "0", "-1", "+1", "01", "1 ", "", "99999999999999999999"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if n, err := vaultkeys.VersionNumber(text); err == nil && n < 1 {
			t.Fatalf("%q is version %d", text, n)
		}
	})
}
