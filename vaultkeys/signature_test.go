package vaultkeys_test

import (
	"crypto/rsa"
	"encoding/base64"
	"math/big"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"signet/signer"
	"signet/vaultkeys"
)

var encodings = []*base64.Encoding{base64.RawURLEncoding, base64.StdEncoding}

// FuzzParseSignature: what is accepted has exactly one spelling, so nobody can
// make a second signature text out of a first.
func FuzzParseSignature(f *testing.F) {
	for _, seed := range []string{
		"vault:v1:AAAA", "vault:v10:_-8", "vault:v1:+/8=", "vault:v0:AAAA", "vault:v01:AAAA", "vault:v-1:AAAA", "vault:v+1:AAAA",
		"vault:v1:", "vault:v:AAAA", "vault:v1:AAA\n", "vault:v1:AAB", "vault:v1:AA==", "vault:v99999999999999999999:AAAA", "VAULT:v1:AAAA",
		"vault:v1:AAAA:AAAA", "", "vault:v1", "vault:v１:AAAA",
	} {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, text string, std bool) {
		encoding := encodings[0]
		if std {
			encoding = encodings[1]
		}
		version, sig, err := vaultkeys.ParseSignature(text, encoding)
		if err != nil {
			if version != 0 && sig != nil {
				t.Error("an error together with a signature")
			}
			return
		}
		if version < 1 || len(sig) == 0 {
			t.Errorf("accepted version %d, %d bytes", version, len(sig))
		}
		if again := "vault:v" + strconv.Itoa(version) + ":" + encoding.EncodeToString(sig); again != text {
			t.Errorf("%q was accepted and is spelled %q", text, again)
		}
	})
}

func TestParseSignatureRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		version := rapid.IntRange(1, 999_999_999).Draw(t, "version")
		want := rapid.SliceOfN(rapid.Byte(), 1, 600).Draw(t, "signature")
		encoding := rapid.SampledFrom(encodings).Draw(t, "encoding")
		got, sig, err := vaultkeys.ParseSignature("vault:v"+strconv.Itoa(version)+":"+encoding.EncodeToString(want), encoding)
		if err != nil || got != version || string(sig) != string(want) {
			t.Errorf("version %d, %x, %v", got, sig, err)
		}
	})
}

func TestSignatureBytes(t *testing.T) {
	modulus := func(bits uint) *rsa.PublicKey {
		return &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), bits-1), E: 65537}
	}
	for _, c := range []struct {
		key  signer.Key
		want int
	}{
		{signer.Key{Algorithm: signer.ES256}, 64},
		{signer.Key{Algorithm: signer.ES384}, 96},
		{signer.Key{Algorithm: signer.ES512}, 132},
		{signer.Key{Algorithm: signer.EdDSA}, 64},
		{signer.Key{Algorithm: signer.HS256}, 32},
		{signer.Key{Algorithm: signer.RS256, Public: modulus(2048)}, 256},
		{signer.Key{Algorithm: signer.PS512, Public: modulus(3072)}, 384},
		{signer.Key{Algorithm: signer.RS384, Public: modulus(4096)}, 512},
		{signer.Key{Algorithm: signer.RS256}, 0},
		{signer.Key{Algorithm: "none"}, 0},
	} {
		got, err := vaultkeys.SignatureBytes(c.key)
		if got != c.want || (err == nil) != (c.want > 0) {
			t.Errorf("%s: %d, %v; want %d", c.key.Algorithm, got, err, c.want)
		}
	}
}
