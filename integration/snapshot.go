package integration

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"
)

// NewRaftVault starts a Vault on integrated storage, which can be put back to
// what it was. Only for tests selected by OnlyOn(t, Process).
func NewRaftVault(t testing.TB) *Vault {
	t.Helper()
	return vaultProcess(t, "-storage="+t.TempDir(), "-raft")
}

// Snapshot takes a snapshot of everything that the server stores.
func (v *Vault) Snapshot(t testing.TB) []byte {
	t.Helper()
	raw, err := v.snapshot(http.MethodGet, "sys/storage/raft/snapshot", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// Restore puts the server back to a snapshot, and waits until it shows: a key
// that is remade and has the old version again, or whatever else the caller
// can tell it by.
func (v *Vault) Restore(t testing.TB, snapshot []byte, shows func() bool) {
	t.Helper()
	if _, err := v.snapshot(http.MethodPost, "sys/storage/raft/snapshot-force", bytes.NewReader(snapshot)); err != nil {
		t.Fatal(err)
	}
	Eventually(t, 30*time.Second, "vault is what the snapshot says", func() bool { return v.unsealed() && shows() })
}

func (v *Vault) snapshot(method, path string, body io.Reader) ([]byte, error) {
	req, err := http.NewRequest(method, v.Addr+"/v1/"+path, body) //nolint:noctx // bounded by the test
	if err != nil {
		return nil, fmt.Errorf("building: %w", err)
	}
	req.Header.Set("X-Vault-Token", v.RootToken)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: reading: %w", method, path, err)
	}
	if resp.StatusCode/100 != 2 {
		return nil, fmt.Errorf("%s %s: status %d: %s", method, path, resp.StatusCode, raw)
	}
	return raw, nil
}
