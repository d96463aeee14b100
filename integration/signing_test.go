package integration_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/prometheus/client_golang/prometheus"

	"signet/integration"
	"signet/signer"
	"signet/vaultkeys"
	"signet/vaultkeys/lifecycle"
	"signet/vaultkeys/vaultapi"
	"signet/vaultkeys/vaultinit"
)

// signingStack is the signing half of `signet serve` on a real Vault, logged in
// as the issuer: what its policy does not allow cannot pass here.
type signingStack struct {
	vault   *integration.Vault
	mount   string
	conn    *counting
	rings   *vaultkeys.Rings
	batcher *vaultkeys.Batcher
	signer  *signer.Signer
}

// counting counts the requests to sign.
type counting struct {
	*vaultapi.Conn
	signs atomic.Int64
}

func (c *counting) Write(ctx context.Context, path string, in, out any) (vaultapi.Meta, error) {
	if strings.Contains(path, "/sign/") {
		c.signs.Add(1)
	}
	return c.Conn.Write(ctx, path, in, out)
}

func ringName(a signer.Algorithm) string { return "ring-" + strings.ToLower(string(a)) }

func newSigningStack(t *testing.T, algorithms ...signer.Algorithm) *signingStack {
	t.Helper()
	suffix := make([]byte, 4)
	if _, err := rand.Read(suffix); err != nil {
		t.Fatal(err)
	}
	s := &signingStack{vault: integration.NewVault(t), mount: "signing-" + hex.EncodeToString(suffix)}
	var rings []vaultkeys.RingConfig
	for _, a := range algorithms {
		rings = append(rings, vaultkeys.RingConfig{Name: ringName(a), Algorithm: a, Policy: lifecycle.Policy{
			PublishDelay: time.Hour, MaxTTL: time.Hour, RotationPeriod: 2160 * time.Hour, RetireMargin: 5 * time.Minute, ClockSkew: 5 * time.Second,
		}})
	}
	dir := t.TempDir()
	if err := vaultinit.Run(t.Context(), vaultinit.Config{
		Conn: rootConn(t, s.vault), Mount: s.mount, AppRoleMount: s.mount + "-role", Rings: rings, CredentialsDir: dir, Out: io.Discard,
	}); err != nil {
		t.Fatalf("vault init: %v", err)
	}
	s.conn = &counting{Conn: issuerConn(t, s.vault, s.mount+"-role", dir)}
	s.rings = vaultkeys.NewRings(vaultkeys.RingsConfig{Vault: s.conn, Mount: s.mount, Rings: rings})
	if err := s.rings.Load(t.Context()); err != nil {
		t.Fatalf("reading the rings: %v", err)
	}
	s.batcher = vaultkeys.NewBatcher(vaultkeys.BatcherConfig{
		Vault: s.conn, Mount: s.mount, Reread: s.rings.Refresh, Timeout: 10 * time.Second, Registerer: prometheus.NewRegistry(),
	})
	t.Cleanup(func() {
		if err := s.batcher.Close(context.Background()); err != nil {
			t.Errorf("closing the batcher: %v", err)
		}
	})
	s.signer = signer.New(signer.Config{Keys: s.rings, Backend: s.batcher, Issuer: "https://tokens.example.com"})
	return s
}

func issuerConn(t *testing.T, vault *integration.Vault, mount, dir string) *vaultapi.Conn {
	t.Helper()
	file := func(name string) func() (string, error) {
		return func() (string, error) {
			text, err := os.ReadFile(filepath.Join(dir, name))
			return string(text), err
		}
	}
	conn, err := vaultapi.New(vaultapi.Config{
		Address: vault.Addr, Timeout: 10 * time.Second,
		Login: vaultapi.AppRole(vaultapi.AppRoleConfig{
			Mount: mount, RoleID: file("role_id"), SecretID: file("secret_id"),
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func claims(id string) signer.Claims {
	now := time.Now()
	return signer.Claims{
		Subject: "user:alice", ID: id, ClientID: "orders", Audience: []string{"https://api.example.com"},
		IssuedAt: now, Expiry: now.Add(5 * time.Minute),
	}
}

// sign makes a token and checks it with go-jose, by the key that it names.
func (s *signingStack) sign(ctx context.Context, a signer.Algorithm, id string) (signer.Token, error) {
	token, err := s.signer.Sign(ctx, ringName(a), claims(id), signer.Origin{})
	if err != nil {
		return token, err
	}
	if a.Symmetric() {
		return token, nil
	}
	return token, checkWithJose(token.Compact, a, token.Key.Public, token.Key.KID, id)
}

func checkWithJose(compact string, a signer.Algorithm, key any, kid, id string) error {
	jws, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(a)})
	if err != nil {
		return fmt.Errorf("go-jose cannot read it: %w", err)
	}
	payload, err := jws.Verify(key)
	if err != nil {
		return fmt.Errorf("go-jose refuses it: %w", err)
	}
	var got struct {
		ID string `json:"jti"`
	}
	if err := json.Unmarshal(payload, &got); err != nil || got.ID != id || jws.Signatures[0].Header.KeyID != kid {
		return fmt.Errorf("jti %q kid %q, %w; want %q and %q", got.ID, jws.Signatures[0].Header.KeyID, err, id, kid)
	}
	return nil
}

// TestSigningOnVault: every algorithm, through the batcher, under the policy
// that `signet vault init` writes, checked by a library that is not ours.
func TestSigningOnVault(t *testing.T) {
	s := newSigningStack(t, signer.Algorithms()...)
	if n := len(signer.Algorithms()); n != 11 {
		t.Fatalf("%d algorithms, want eleven", n)
	}
	for _, a := range signer.Algorithms() {
		t.Run(string(a), func(t *testing.T) {
			token, err := s.sign(t.Context(), a, "one")
			if err != nil {
				t.Fatal(err)
			}
			if token.Key.Version != 1 || token.Key.Algorithm != a {
				t.Errorf("signed with %+v", token.Key)
			}
			got, err := s.signer.Verify(t.Context(), token.Compact)
			if err != nil || got.ID != "one" {
				t.Errorf("our own verification: %v", err)
			}
			bad := token.Compact[:len(token.Compact)-6] + flip(token.Compact[len(token.Compact)-6:])
			if _, err := s.signer.Verify(t.Context(), bad); !errors.Is(err, signer.ErrInvalidToken) {
				t.Errorf("a changed signature: %v", err)
			}
			batchOfSigns(t, s, a, 24)
			if a.Symmetric() {
				s.checkExported(t, a, token)
			}
		})
	}
}

// batchOfSigns has n callers at once, each of whom must get its own signature.
func batchOfSigns(t *testing.T, s *signingStack, a signer.Algorithm, n int) {
	t.Helper()
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			token, err := s.sign(t.Context(), a, fmt.Sprint("jti-", i))
			if err == nil && a.Symmetric() {
				_, err = s.signer.Verify(t.Context(), token.Compact)
			}
			if err != nil {
				t.Errorf("signature %d: %v", i, err)
			}
		})
	}
	wg.Wait()
}

// checkExported checks an HS256 token without Vault. Only root can make the key
// exportable, and only in this test.
func (s *signingStack) checkExported(t *testing.T, a signer.Algorithm, token signer.Token) {
	t.Helper()
	name := ringName(a)
	s.vault.Must(t, http.MethodPost, s.mount+"/keys/"+name+"/config", map[string]any{"exportable": true})
	keys, ok := s.vault.Must(t, http.MethodGet, s.mount+"/export/hmac-key/"+name, nil)["keys"].(map[string]any)
	if !ok {
		t.Fatal("vault exports no key")
	}
	secret, err := base64.StdEncoding.DecodeString(fmt.Sprint(keys["1"]))
	if err != nil || len(secret) != vaultkeys.HMACKeyBytes {
		t.Fatalf("an exported key of %d bytes, %v", len(secret), err)
	}
	if err := checkWithJose(token.Compact, a, secret, token.Key.KID, "one"); err != nil {
		t.Error(err)
	}
}

// TestGroupCommitOnVault: 256 signatures at once are few requests.
func TestGroupCommitOnVault(t *testing.T) {
	s := newSigningStack(t, signer.ES256, signer.EdDSA)
	if _, err := s.sign(t.Context(), signer.ES256, "login"); err != nil {
		t.Fatal(err)
	}
	for _, a := range []signer.Algorithm{signer.ES256, signer.EdDSA} {
		s.conn.signs.Store(0)
		batchOfSigns(t, s, a, 256)
		t.Logf("%s: %d requests to Vault for 256 signatures", a, s.conn.signs.Load())
		if n := s.conn.signs.Load(); n > 64 {
			t.Errorf("%s: %d requests to Vault for 256 signatures", a, n)
		}
	}
}

// TestFencedSignerFollows: once min_encryption_version has risen, Vault refuses
// the version that this replica would sign with. Callers notice nothing.
func TestFencedSignerFollows(t *testing.T) {
	s := newSigningStack(t, signer.ES256, signer.HS256)
	for _, a := range []signer.Algorithm{signer.ES256, signer.HS256} {
		before, err := s.sign(t.Context(), a, "before")
		if err != nil {
			t.Fatal(err)
		}
		key := s.mount + "/keys/" + ringName(a)
		s.vault.Must(t, http.MethodPost, key+"/rotate", nil)
		s.vault.Must(t, http.MethodPost, key+"/config", map[string]any{"min_encryption_version": 2})
		var wg sync.WaitGroup
		for i := range 32 {
			wg.Go(func() {
				token, err := s.sign(t.Context(), a, fmt.Sprint("after-", i))
				if err != nil || token.Key.Version != 2 || token.Key.KID == before.Key.KID {
					t.Errorf("%s: version %d, %v", a, token.Key.Version, err)
				}
			})
		}
		wg.Wait()
		if _, err := s.signer.Verify(t.Context(), before.Compact); err != nil {
			t.Errorf("%s: a token from before the fence: %v", a, err)
		}
		s.vault.Must(t, http.MethodPost, key+"/config", map[string]any{"min_decryption_version": 2})
		if err := s.rings.Refresh(t.Context(), ringName(a)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.signer.Verify(t.Context(), before.Compact); !errors.Is(err, signer.ErrInvalidToken) {
			t.Errorf("%s: a token of a retired version: %v", a, err)
		}
	}
}

// TestSealedVaultIsUnavailable, and the key set goes on being served.
func TestSealedVaultIsUnavailable(t *testing.T) {
	if !integration.OnlyOn(t, integration.Docker, integration.Process) {
		return
	}
	s := newSigningStack(t, signer.ES256)
	if _, err := s.sign(t.Context(), signer.ES256, "before"); err != nil {
		t.Fatal(err)
	}
	s.vault.Seal(t)
	if _, err := s.sign(t.Context(), signer.ES256, "sealed"); !errors.Is(err, signer.ErrUnavailable) {
		t.Errorf("sealed: %v", err)
	}
	if set := s.rings.JWKS(); !set.Loaded || !s.rings.Ready() {
		t.Error("the key set is gone while Vault is sealed")
	}
	s.vault.Unseal(t)
	integration.Eventually(t, 10*time.Second, "signing works again", func() bool {
		_, err := s.sign(t.Context(), signer.ES256, "after")
		return err == nil
	})
}
