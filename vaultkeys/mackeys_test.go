package vaultkeys_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"signet/signer"
	"signet/vaultkeys"
	"signet/vaultkeys/vaultapi"
	"signet/vaultkeys/vaulttest"
)

const macKey = "signet-refresh"

type macFixture struct {
	*clock
	vault *vaulttest.Fake
	keys  *vaultkeys.MACKeys
	log   *bytes.Buffer
	reg   *prometheus.Registry
}

func newMACFixture(t *testing.T) *macFixture {
	t.Helper()
	f := &macFixture{clock: newClock(), log: &bytes.Buffer{}, reg: prometheus.NewRegistry()}
	f.vault = vaulttest.New(f.now)
	f.vault.Strict = true
	f.vault.CreateKey(macKey, "hmac")
	f.keys = f.replica()
	return f
}

func (f *macFixture) replica() *vaultkeys.MACKeys {
	return vaultkeys.NewMACKeys(vaultkeys.MACKeysConfig{
		Vault: f.vault, Now: f.now, Logger: slog.New(slog.NewTextHandler(f.log, nil)), Registerer: f.reg,
	})
}

func (f *macFixture) load(t *testing.T) {
	t.Helper()
	if err := f.keys.Load(t.Context()); err != nil {
		t.Fatalf("Load: %v", err)
	}
}

func (f *macFixture) secret(t *testing.T, version int) []byte {
	t.Helper()
	secret, ok, err := f.keys.Secret(t.Context(), version)
	if err != nil || !ok || len(secret) != 32 {
		t.Fatalf("Secret(%d) = %d bytes, %v, %v", version, len(secret), ok, err)
	}
	return secret
}

func (f *macFixture) gone(t *testing.T, version int) {
	t.Helper()
	if secret, ok, err := f.keys.Secret(t.Context(), version); secret != nil || ok || err != nil {
		t.Fatalf("Secret(%d) = %d bytes, %v, %v; want none", version, len(secret), ok, err)
	}
}

func TestMACKeysRotateAndLogOut(t *testing.T) {
	t.Parallel()
	f := newMACFixture(t)
	if _, _, err := f.keys.Current(); !errors.Is(err, signer.ErrUnavailable) {
		t.Fatalf("Current before Load: %v", err)
	}
	f.load(t)
	version, first, err := f.keys.Current()
	if err != nil || version != 1 || !bytes.Equal(first, f.secret(t, 1)) {
		t.Fatalf("Current = %d, %v", version, err)
	}
	f.vault.Rotate(macKey)
	f.load(t)
	version, second, err := f.keys.Current()
	if err != nil || version != 2 || bytes.Equal(first, second) {
		t.Fatalf("Current after a rotation = %d, %v", version, err)
	}
	if !bytes.Equal(first, f.secret(t, 1)) {
		t.Fatal("an old version changed")
	}
	if n := f.vault.Calls("write", "transit/hmac/"+macKey); n != 2 {
		t.Fatalf("%d derivations of 2 versions", n)
	}
	f.vault.Configure(macKey, 2, 2)
	f.load(t)
	f.gone(t, 1)
	f.gone(t, 0)
	f.gone(t, -1)
	if strings.Contains(f.log.String(), "level=ERROR") {
		t.Fatalf("an orderly rotation was logged as a problem:\n%s", f.log)
	}
}

func TestMACKeysMinimumHoldsEvenIfTheRestOfTheReadFails(t *testing.T) {
	t.Parallel()
	f := newMACFixture(t)
	f.load(t)
	f.vault.Rotate(macKey)
	f.vault.Configure(macKey, 2, 2)
	f.vault.Fail(func(op, _ string) error {
		if op == "write" {
			return vaultapi.ErrUnavailable
		}
		return nil
	})
	if err := f.keys.Load(t.Context()); !errors.Is(err, signer.ErrUnavailable) {
		t.Fatalf("Load: %v", err)
	}
	f.gone(t, 1)
	if _, _, err := f.keys.Current(); !errors.Is(err, signer.ErrUnavailable) {
		t.Fatalf("Current: %v", err)
	}
	if _, _, err := f.keys.Secret(t.Context(), 2); !errors.Is(err, signer.ErrUnavailable) {
		t.Fatalf("Secret(2) must not read as never existed: %v", err)
	}
}

func TestMACKeysReadTheKeyForANewerVersion(t *testing.T) {
	t.Parallel()
	f := newMACFixture(t)
	f.load(t)
	f.vault.Rotate(macKey)
	f.secret(t, 2)
	f.gone(t, 3)
	f.vault.Seal(true)
	if _, ok, err := f.keys.Secret(t.Context(), 3); ok || !errors.Is(err, signer.ErrUnavailable) {
		t.Fatalf("an unknown version while sealed: %v, %v", ok, err)
	}
	f.secret(t, 2) // known ones need no Vault
}

func TestMACKeysMadeUpVersionsCostOneReadAFloor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		vault := vaulttest.New(time.Now)
		vault.CreateKey(macKey, "hmac")
		keys := vaultkeys.NewMACKeys(vaultkeys.MACKeysConfig{Vault: vault})
		if err := keys.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for i := range 5000 {
			wg.Go(func() {
				if _, ok, err := keys.Secret(t.Context(), 2+i); ok || err != nil {
					t.Errorf("Secret(%d) = %v, %v", 2+i, ok, err)
				}
			})
		}
		wg.Wait()
		if n := vault.Calls("read", "transit/keys/"+macKey); n > 3 {
			t.Fatalf("%d reads", n)
		}
		if n := vault.Calls("write", "transit/hmac/"+macKey); n != 1 {
			t.Fatalf("%d derivations: a made-up number was derived", n)
		}
	})
}

func TestMACKeysAskAgainAtEveryLogin(t *testing.T) {
	t.Parallel()
	f := newMACFixture(t)
	f.load(t)
	before := f.secret(t, 1)
	f.vault.CreateKey(macKey, "hmac") // deleted and made anew: the key read looks the same
	f.load(t)
	if !bytes.Equal(before, f.secret(t, 1)) {
		t.Fatal("asked again without a login")
	}
	f.vault.Login()
	f.load(t)
	if bytes.Equal(before, f.secret(t, 1)) {
		t.Fatal("not asked again at a login")
	}
	want := `
# HELP signet_mackey_alarms_total Alarming conditions seen while reading the refresh token key.
# TYPE signet_mackey_alarms_total counter
signet_mackey_alarms_total{kind="key_changed"} 1
signet_mackey_alarms_total{kind="misconfigured"} 0
signet_mackey_alarms_total{kind="version_vanished"} 0
`
	if err := testutil.GatherAndCompare(f.reg, strings.NewReader(want), "signet_mackey_alarms_total"); err != nil {
		t.Fatal(err)
	}
	f.vault.Login()
	f.load(t) // the same secret again is no alarm
	if n := strings.Count(f.log.String(), "level=ERROR"); n != 1 {
		t.Fatalf("%d alarms: %s", n, f.log)
	}
}

func TestMACKeysNumberingGoesBack(t *testing.T) {
	t.Parallel()
	f := newMACFixture(t)
	f.vault.Rotate(macKey)
	f.load(t)
	before := f.secret(t, 1)
	f.vault.CreateKey(macKey, "hmac")
	f.load(t)
	if bytes.Equal(before, f.secret(t, 1)) {
		t.Fatal("the secret of the deleted key is still in use")
	}
	f.gone(t, 2)
	if n := strings.Count(f.log.String(), "level=ERROR"); n != 2 {
		t.Fatalf("alarms: %s", f.log)
	}
}

func TestMACKeysMisconfigured(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*vaulttest.Fake){
		"missing":          func(v *vaulttest.Fake) { v.DeleteKey(macKey) },
		"wrong type":       func(v *vaulttest.Fake) { v.CreateKey(macKey, "ed25519") },
		"exportable":       func(v *vaulttest.Fake) { v.Flags(macKey, true, false, false) },
		"plaintext backup": func(v *vaulttest.Fake) { v.Flags(macKey, false, true, false) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newMACFixture(t)
			spoil(f.vault)
			err := f.keys.Load(t.Context())
			if !errors.Is(err, vaultkeys.ErrMisconfigured) || !strings.HasSuffix(err.Error(), "signet vault init --config FILE") {
				t.Fatalf("Load: %v", err)
			}
		})
	}
}

func TestMACKeysNeverLogASecret(t *testing.T) {
	t.Parallel()
	f := newMACFixture(t)
	f.vault.Rotate(macKey)
	f.load(t)
	f.vault.CreateKey(macKey, "hmac")
	f.vault.Login()
	f.load(t)
	secret := f.secret(t, 1)
	if bytes.Contains(f.log.Bytes(), secret) || strings.Contains(f.log.String(), "vault:v") {
		t.Fatal("a secret was logged")
	}
	if f.log.Len() == 0 {
		t.Fatal("nothing was logged, so nothing was checked")
	}
}

func TestMACKeysRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		vault := vaulttest.New(time.Now)
		vault.CreateKey(macKey, "hmac")
		vault.Seal(true)
		keys := vaultkeys.NewMACKeys(vaultkeys.MACKeysConfig{Vault: vault})
		go func() { _ = keys.Run(t.Context()) }()
		time.Sleep(time.Minute)
		vault.Seal(false)
		time.Sleep(2 * time.Second)
		if version, _, err := keys.Current(); err != nil || version != 1 {
			t.Fatalf("2s after the unseal: %d, %v", version, err)
		}
		vault.Rotate(macKey)
		vault.Configure(macKey, 2, 2)
		time.Sleep(10 * time.Second)
		if version, _, err := keys.Current(); err != nil || version != 2 {
			t.Fatalf("one interval after a rotation: %d, %v", version, err)
		}
	})
}
