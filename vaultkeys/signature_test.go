package vaultkeys_test

import (
	"encoding/base64"
	"strconv"
	"testing"

	"pgregory.net/rapid"

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
