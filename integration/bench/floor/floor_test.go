package floor

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// TestMain lets this program be what Start starts.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == Argument {
		if err := Run(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func ask(t *testing.T, method, addr, path string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+addr+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s, %v", resp.Status, err)
	}
	return string(body)
}

// TestRun: it signs tokens as long as Signet's, serves the document, and ends
// with its input.
func TestRun(t *testing.T) {
	t.Parallel()
	in, lines := io.Pipe()
	out, told := io.Pipe()
	ended := make(chan error)
	go func() { ended <- Run(t.Context(), in, told) }()
	const document = `{"keys":[]}`
	if _, err := io.WriteString(lines, document+"\n"); err != nil {
		t.Fatal(err)
	}
	raw := make([]byte, 64)
	n, err := out.Read(raw)
	if err != nil {
		t.Fatal(err)
	}
	addr := strings.TrimSpace(string(raw[:n]))
	if got := ask(t, http.MethodGet, addr, "/.well-known/jwks.json"); got != document {
		t.Errorf("%s", got)
	}
	answer := ask(t, http.MethodPost, addr, "/oauth2/token")
	var got struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(answer), &got); err != nil {
		t.Fatal(err)
	}
	token, err := jwt.ParseSigned(got.AccessToken, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil || len(got.AccessToken) < 400 {
		t.Fatalf("%v: %s", err, answer)
	}
	var claims jwt.Claims
	if err := token.UnsafeClaimsWithoutVerification(&claims); err != nil || claims.ID == "" || claims.Expiry == nil || token.Headers[0].KeyID == "" {
		t.Errorf("%+v, %v", claims, err)
	}
	if err := lines.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("%v", err)
	}
}

// TestStart: the process serves until Stop. A document of two lines would end at the
// first of them.
func TestStart(t *testing.T) {
	t.Parallel()
	p, err := Start([]byte(`{"keys":[1]}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := ask(t, http.MethodGet, p.Addr, "/.well-known/jwks.json"); got != `{"keys":[1]}` || p.PID() == os.Getpid() {
		t.Errorf("%s", got)
	}
	p.Stop()
	if !p.cmd.ProcessState.Success() {
		t.Errorf("it ended badly: %s", p.cmd.ProcessState)
	}
	if p, err := Start([]byte("{\n}")); err == nil {
		p.Stop()
		t.Error("two lines were taken for a document")
	}
}
