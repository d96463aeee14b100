package keeper_test

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"signet/signer"
	"signet/vaultkeys"
	"signet/vaultkeys/keeper"
	"signet/vaultkeys/vaultapi"
)

// edited changes what a key read answers.
type edited struct {
	keeper.Vault
	edit func(data map[string]any)
}

func (e *edited) Read(ctx context.Context, path string, out any) (vaultapi.Meta, error) {
	data := map[string]any{}
	meta, err := e.Vault.Read(ctx, path, &data)
	if err != nil {
		return meta, err
	}
	e.edit(data)
	copier(data)(out)
	return meta, nil
}

// TestMalformedAnswers: an answer that is not understood in full moves nothing.
func TestMalformedAnswers(t *testing.T) {
	t.Parallel()
	versionsIn := func(data map[string]any) map[string]any {
		versions, ok := data["keys"].(map[string]any)
		if !ok {
			panic("no keys")
		}
		return versions
	}
	first := func(field string, value any) func(map[string]any) {
		return func(data map[string]any) {
			v, ok := versionsIn(data)["1"].(map[string]any)
			if !ok {
				panic("no version 1")
			}
			v[field] = value
		}
	}
	another := func(number string) func(map[string]any) {
		return func(data map[string]any) { versionsIn(data)[number] = versionsIn(data)["1"] }
	}
	for name, edit := range map[string]func(map[string]any){
		"no latest_version":       func(data map[string]any) { delete(data, "latest_version"); data["keys"] = map[string]any{} },
		"no version":              func(data map[string]any) { data["keys"] = map[string]any{} },
		"no number":               another("one"),
		"version 0":               another("0"),
		"above the latest":        another("2"),
		"no creation_time":        first("creation_time", "0001-01-01T00:00:00Z"),
		"no key":                  first("public_key", ""),
		"a key that is too short": first("public_key", base64.StdEncoding.EncodeToString(make([]byte, 31))),
		"no key in PEM":           first("public_key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, ringOf("ed", signer.EdDSA))
			f.advance(period)
			if err := f.keeper(&edited{f.vault, edit}).Round(t.Context()); err == nil {
				t.Error("no error")
			}
			f.want("ed", state{Latest: 1, MinDec: 1})
		})
	}
}

// TestHMACWithoutVersions: an hmac key lists none, so latest_version is all.
func TestHMACWithoutVersions(t *testing.T) {
	t.Parallel()
	f := newFixture(t, ringOf("hs", signer.HS256))
	k := f.keeper(&edited{f.vault, func(data map[string]any) { delete(data, "latest_version") }})
	f.fails(k, vaultapi.ErrMalformed)
}

// TestOldRSAKeys: PKCS #1, as Vault once wrote imported keys.
func TestOldRSAKeys(t *testing.T) {
	t.Parallel()
	f := newFixture(t, ringOf("rs", signer.RS256))
	pub, ok := f.vault.Public("rs", 1).(*rsa.PublicKey)
	if !ok {
		t.Fatal("no RSA key")
	}
	f.vault.Malform("rs", 1, string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(pub)})))
	f.edit = func(c *keeper.Config) { c.Revoked = vaultkeys.NewRevokedKIDs(nil, []string{kidOf(t, f, "rs", 1)}) }
	if err := f.keeper(f.vault).Round(t.Context()); err == nil || !strings.Contains(err.Error(), "all of them are revoked") {
		t.Errorf("its kid was not recognised: %v", err)
	}
}

// TestSlowAnswers: a fence has stood from when an answer with it came, until
// when the next question was asked.
func TestSlowAnswers(t *testing.T) {
	t.Parallel()
	f := newFixture(t, unrotated("es", signer.ES256))
	slow := time.Duration(0) // the next read only
	f.vault.Hook(func(context.Context, string, string) { f.advance(slow); slow = 0 })
	f.vault.Rotate("es")
	f.vault.Configure("es", 1, 2)
	k := f.keeper(f.vault)
	slow = 50 * time.Second
	f.round(k)
	f.advance(retireDue - 20*time.Second)
	f.round(k) // asked long enough after the first question, not after its answer
	slow = 30 * time.Second
	f.round(k) // answered long enough after it, but asked before
	f.want("es", state{Latest: 2, MinDec: 1, MinEnc: 2})
	f.round(k)
	f.want("es", state{Latest: 2, MinDec: 2, MinEnc: 2})
}

// TestPolicyOfTheReplicas: the ring's own interval and skew count, not those
// of the keeper.
func TestPolicyOfTheReplicas(t *testing.T) {
	t.Parallel()
	r := unrotated("es", signer.ES256)
	r.Policy.RefreshInterval, r.Policy.ClockSkew = 3*interval, 4*skew
	f := newFixture(t, r)
	f.vault.Skew(3 * skew)
	f.vault.Rotate("es")
	f.vault.Skew(0)
	k := f.keeper(f.vault)
	f.round(k)
	near(t, "fenced", f.until(k, "es", period), delay+3*skew+3*interval+4*skew)
	f.vault.Skew(-3 * skew)
	f.round(k) // out of step by less than the replicas' limit
}

// TestClockOutOfStep: neither a wrong clock of ours nor of Vault's moves a ring.
func TestClockOutOfStep(t *testing.T) {
	t.Parallel()
	for _, by := range []time.Duration{7 * time.Second, -7 * time.Second, 10000 * time.Hour, -10000 * time.Hour} {
		f := newFixture(t)
		f.advance(period)
		f.vault.Skew(by)
		if err := f.keeper(f.vault).Round(t.Context()); err == nil || reasonSeen(t, f) != "clock_skew" {
			t.Errorf("a clock wrong by %v: %v, reason %s", by, err, reasonSeen(t, f))
		}
		f.want("es", state{Latest: 1, MinDec: 1})
	}
}

// TestBothClocksMustSaySo: within the limit the later deed counts.
func TestBothClocksMustSaySo(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		skew   time.Duration
		noDate bool
		late   time.Duration
	}{
		// Vault's Date is cut to whole seconds: that is no wrong clock.
		"Vault is behind as far as it may be": {skew: -skew, late: skew},
		"Vault is behind":                     {skew: -4 * time.Second, late: 4 * time.Second},
		"we are behind":                       {skew: 4 * time.Second},
		"no Date":                             {noDate: true, late: skew},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.vault.Skew(tc.skew)
			f.vault.WithoutDate(tc.noDate)
			f.advance(period + tc.late - 100*time.Millisecond)
			k := f.keeper(f.vault)
			f.round(k)
			f.want("es", state{Latest: 1, MinDec: 1})
			f.advance(100 * time.Millisecond)
			f.round(k)
			f.want("es", state{Latest: 2, MinDec: 1})
		})
	}
}
