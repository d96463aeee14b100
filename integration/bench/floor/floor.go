package floor

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Run is the process. It serves tokens, and at the JWK set's path a static document,
// which is the first line of its input. It prints its address, and ends when its input
// does.
func Run(ctx context.Context, in io.Reader, out io.Writer) error {
	debug.SetGCPercent(200) // as Signet does
	lines := bufio.NewReader(in)
	document, err := lines.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("reading the document to serve: %w", err)
	}
	signs, err := newTokens()
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /oauth2/token", signs.serve)
	mux.HandleFunc("GET /.well-known/jwks.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/jwk-set+json")
		_, _ = w.Write(document[:len(document)-1])
	})
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	if _, err := fmt.Fprintln(out, listener.Addr()); err != nil {
		return fmt.Errorf("telling the address: %w", err)
	}
	go func() {
		_, _ = io.Copy(io.Discard, lines) // until whoever started this has ended
		_ = server.Close()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving: %w", err)
	}
	return nil
}

// tokens are signed as go-jose is meant to be used.
type tokens struct{ signer jose.Signer }

func newTokens() (*tokens, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	signing := jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"}}
	signer, err := jose.NewSigner(signing, (&jose.SignerOptions{}).WithType("at+jwt"))
	if err != nil {
		return nil, fmt.Errorf("making a signer: %w", err)
	}
	return &tokens{signer}, nil
}

// claims are those of Signet's tokens (RFC 9068).
type claims struct {
	jwt.Claims

	ClientID string `json:"client_id"`
	Scope    string `json:"scope"`
}

func (t *tokens) serve(w http.ResponseWriter, _ *http.Request) {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails: crypto/rand ends the process instead
	now := time.Now()
	token, err := jwt.Signed(t.signer).Claims(claims{
		Claims: jwt.Claims{
			Issuer: "http://127.0.0.1:8080", Subject: "demo", Audience: jwt.Audience{"https://api.example.com"}, ID: base64.RawURLEncoding.EncodeToString(id),
			IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(5 * time.Minute)),
		},
		ClientID: "demo", Scope: "profile",
	}).Serialize()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int    `json:"expires_in"`
		Scope       string `json:"scope"`
	}{token, "Bearer", 300, "profile"})
}
