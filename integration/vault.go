package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"
)

const rootToken = "root"

// Vault is a running Vault server with its root token, for the test's own
// arrangements. Signet never gets that token but for `signet vault init`.
type Vault struct {
	Addr      string // http://127.0.0.1:PORT
	RootToken string

	output   func(t testing.TB) string              // what the server printed; nil for External
	auditLog string                                 // a file; empty without EnableAudit
	inside   func(t testing.TB, path string) []byte // a file in the container; nil without one
}

// NewVault starts a Vault of its own for this test, in memory.
func NewVault(t testing.TB) *Vault {
	t.Helper()
	switch Current(t) {
	case External:
		return &Vault{
			Addr:      strings.TrimSuffix(os.Getenv("SIGNET_TEST_VAULT_ADDR"), "/"),
			RootToken: envOr("SIGNET_TEST_VAULT_TOKEN", rootToken),
		}
	case Docker:
		return vaultContainer(t)
	case Process:
		return vaultProcess(t)
	}
	panic("unreachable: Current returns only the three")
}

func vaultProcess(t testing.TB, args ...string) *Vault {
	t.Helper()
	addr := FreeAddr(t)
	args = append([]string{"server", "-dev", "-dev-root-token-id=" + rootToken, "-dev-listen-address=" + addr}, args...)
	p := start(t, "vault", os.Environ(), devstackBinary(t), args...)
	v := &Vault{Addr: "http://" + addr, RootToken: rootToken}
	v.output = func(testing.TB) string { return p.log.String() }
	Eventually(t, time.Minute, "vault is unsealed", func() bool {
		if p.exited() {
			t.Fatalf("vault ended at start:\n%s", p.log.String())
		}
		return v.unsealed()
	})
	return v
}

func vaultContainer(t testing.TB) *Vault {
	t.Helper()
	ctx := t.Context()
	c, err := testcontainers.Run(ctx, vaultImage(),
		testcontainers.WithExposedPorts("8200/tcp"),
		testcontainers.WithEnv(map[string]string{
			"VAULT_DEV_ROOT_TOKEN_ID":  rootToken,
			"VAULT_DEV_LISTEN_ADDRESS": "0.0.0.0:8200",
			"SKIP_SETCAP":              "1",
		}),
		testcontainers.WithCmd("server", "-dev"),
		testcontainers.WithWaitStrategy(wait.ForHTTP("/v1/sys/health").WithPort("8200/tcp").WithStartupTimeout(time.Minute)))
	testcontainers.CleanupContainer(t, c)
	if err != nil {
		t.Fatalf("starting the Vault container from %s: %v", vaultImage(), err)
	}
	endpoint, err := c.PortEndpoint(ctx, "8200/tcp", "http")
	if err != nil {
		t.Fatalf("finding the Vault container's port: %v", err)
	}
	return &Vault{
		Addr: endpoint, RootToken: rootToken,
		output: func(t testing.TB) string { return containerLog(t, c) },
		inside: func(t testing.TB, path string) []byte { return containerFile(t, c, path) },
	}
}

func containerFile(t testing.TB, c testcontainers.Container, path string) []byte {
	t.Helper()
	r, err := c.CopyFileFromContainer(context.Background(), path)
	if err != nil {
		t.Fatalf("copying %s from the container: %v", path, err)
	}
	defer func() { _ = r.Close() }()
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("copying %s from the container: %v", path, err)
	}
	return out
}

func containerLog(t testing.TB, c testcontainers.Container) string {
	t.Helper()
	r, err := c.Logs(context.Background())
	if err != nil {
		t.Fatalf("reading the container's log: %v", err)
	}
	defer func() { _ = r.Close() }()
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("reading the container's log: %v", err)
	}
	return string(out)
}

func (v *Vault) unsealed() bool {
	resp, err := http.Get(v.Addr + "/v1/sys/health") //nolint:noctx // a bounded poll
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// Do calls Vault's API with the given token and returns the status and the
// decoded body. It is plain net/http, so that a test of our Vault client never
// uses our Vault client.
func (v *Vault) Do(t testing.TB, token, method, path string, body any) (int, map[string]any) {
	t.Helper()
	status, out, err := v.try(token, method, path, body)
	if err != nil {
		t.Fatalf("vault %s %s: %v", method, path, err)
	}
	return status, out
}

func (v *Vault) try(token, method, path string, body any) (int, map[string]any, error) {
	var in io.Reader = http.NoBody
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return 0, nil, fmt.Errorf("encoding: %w", err)
		}
		in = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, v.Addr+"/v1/"+path, in) //nolint:noctx // bounded by the test
	if err != nil {
		return 0, nil, fmt.Errorf("building: %w", err)
	}
	req.Header.Set("X-Vault-Token", token)
	req.Header.Set("X-Vault-Request", "true")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, fmt.Errorf("sending: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, nil, fmt.Errorf("reading: %w", err)
	}
	out := map[string]any{}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &out); err != nil {
			return 0, nil, fmt.Errorf("decoding %q: %w", raw, err)
		}
	}
	return resp.StatusCode, out, nil
}

// Must is Do with the root token, and fails on anything but a 2xx. It returns
// the reply's data.
func (v *Vault) Must(t testing.TB, method, path string, body any) map[string]any {
	t.Helper()
	status, out := v.Do(t, v.RootToken, method, path, body)
	if status/100 != 2 {
		t.Fatalf("vault %s %s: %d %v", method, path, status, out)
	}
	data, ok := out["data"].(map[string]any)
	if !ok {
		return map[string]any{}
	}
	return data
}

// Login logs in by AppRole and returns a client token.
func (v *Vault) Login(t testing.TB, roleID, secretID string) string {
	t.Helper()
	status, out := v.Do(t, "", http.MethodPost, "auth/approle/login", map[string]string{"role_id": roleID, "secret_id": secretID})
	auth, ok := out["auth"].(map[string]any)
	if status != http.StatusOK || !ok {
		t.Fatalf("approle login: %d %v", status, out)
	}
	token, ok := auth["client_token"].(string)
	if !ok {
		t.Fatalf("approle login gave no token: %v", auth)
	}
	return token
}

// Rotate makes a new version of a transit key by hand, as an operator would.
func (v *Vault) Rotate(t testing.TB, key string) {
	t.Helper()
	v.Must(t, http.MethodPost, "transit/keys/"+key+"/rotate", nil)
}

// Configure sets fields of a transit key, such as min_decryption_version.
func (v *Vault) Configure(t testing.TB, key string, fields map[string]any) {
	t.Helper()
	v.Must(t, http.MethodPost, "transit/keys/"+key+"/config", fields)
}

// Latest is the newest version of a transit key.
func (v *Vault) Latest(t testing.TB, key string) int {
	t.Helper()
	n, ok := v.Must(t, http.MethodGet, "transit/keys/"+key, nil)["latest_version"].(float64)
	if !ok {
		t.Fatalf("transit key %s has no latest_version", key)
	}
	return int(n)
}

// Seal seals the server; Unseal opens it again.
func (v *Vault) Seal(t testing.TB) {
	t.Helper()
	v.Must(t, http.MethodPut, "sys/seal", nil)
}

var unsealKey = regexp.MustCompile(`Unseal Key: (\S+)`)

// Unseal uses the key that a dev server prints.
func (v *Vault) Unseal(t testing.TB) {
	t.Helper()
	if v.output == nil {
		t.Fatal("an external Vault keeps its unseal key to itself: use OnlyOn(t, Docker, Process)")
	}
	m := unsealKey.FindStringSubmatch(v.output(t))
	if m == nil {
		t.Fatalf("the server printed no unseal key:\n%s", v.output(t))
	}
	v.Must(t, http.MethodPut, "sys/unseal", map[string]string{"key": m[1]})
	Eventually(t, 10*time.Second, "vault is unsealed", v.unsealed)
}
