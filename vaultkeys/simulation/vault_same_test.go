package simulation

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"signet/vaultkeys"
	"signet/vaultkeys/vaultapi"
	"signet/vaultkeys/vaulttest"
)

// TestVaultIsTheFake: any requests have the same outcome at the simulated Vault
// as at the fake, whose conformance suite also runs against the real one.
func TestVaultIsTheFake(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := func() time.Time { return epoch }
		fake := vaulttest.New(now)
		fake.CreateKey("k", "ed25519")
		ours := newVault("k", 1, now)
		for range rapid.IntRange(1, 30).Draw(t, "requests") {
			number := func(label string) string { return strconv.Itoa(rapid.IntRange(0, 6).Draw(t, label)) }
			path, in := "transit/keys/k/rotate", map[string]string{}
			switch rapid.IntRange(0, 5).Draw(t, "request") {
			case 0, 1:
				path = "transit/keys/k/config"
				in["min_decryption_version"], in["min_encryption_version"] = number("min_decryption"), number("min_encryption")
			case 2:
				path = "transit/keys/k/config"
				in[rapid.SampledFrom([]string{"min_decryption_version", "min_encryption_version"}).Draw(t, "one")] = number("value")
			case 3:
				path, in["min_available_version"] = "transit/keys/k/trim", number("min_available")
			case 4:
				path, in["key_version"], in["marshaling_algorithm"] = "transit/sign/k", strconv.Itoa(rapid.IntRange(1, 6).Draw(t, "version")), "jws"
			}
			_, want := fake.Write(t.Context(), path, in, nil)
			_, got := ours.Write(t.Context(), path, in, nil)
			for _, kind := range []error{vaultapi.ErrBadRequest, vaultapi.ErrVersionRefused, vaultapi.ErrNotFound, vaultapi.ErrUnavailable} {
				if errors.Is(got, kind) != errors.Is(want, kind) {
					t.Fatalf("%s %v: %v, the fake says %v", path, in, got, want)
				}
			}
			same(t, fake, ours)
		}
	})
}

func same(t *rapid.T, fake *vaulttest.Fake, ours *vault) {
	var want, got vaultkeys.KeyData
	wantMeta, err := fake.Read(t.Context(), "transit/keys/k", &want)
	gotMeta, err2 := ours.Read(t.Context(), "transit/keys/k", &got)
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	if !gotMeta.Date.Equal(wantMeta.Date) {
		t.Fatalf("date %v, the fake has %v", gotMeta.Date, wantMeta.Date)
	}
	for n, v := range want.Keys {
		if mine, ok := got.Keys[n]; !ok || !mine.CreationTime.Equal(v.CreationTime) || len(mine.PublicKey) != len(v.PublicKey) {
			t.Fatalf("version %s is %+v, the fake has %+v", n, mine, v)
		}
	}
	if len(got.Keys) != len(want.Keys) || got.LatestVersion != want.LatestVersion || got.MinDecryptionVersion != want.MinDecryptionVersion ||
		got.MinEncryptionVersion != want.MinEncryptionVersion || got.MinAvailableVersion != want.MinAvailableVersion || got.Type != want.Type {
		t.Fatalf("%+v, the fake has %+v", got, want)
	}
}
