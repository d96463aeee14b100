package authorities_test

import (
	"encoding/pem"
	"errors"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"signet/internal/authorities"
)

func TestLoad(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	path := filepath.Join(t.TempDir(), "ca.pem")
	if _, err := authorities.Load(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("no PEM\n")
	if _, err := authorities.Load(path); err == nil || !strings.Contains(err.Error(), "no certificate in "+path) {
		t.Errorf("a file without certificates: %v", err)
	}
	write(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	pool, err := authorities.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if pool.Equal(nil) || len(pool.Subjects()) != 1 { //nolint:staticcheck // SA1019: exact for a pool that is not the system's
		t.Error("the certificate is not in the pool")
	}
}
