package authorities

import (
	"crypto/x509"
	"fmt"
	"os"
)

// Load reads a PEM file. A file without any certificate is an error: trusting
// nobody is never what was meant.
func Load(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path) //nolint:gosec // G304: the operator names the file
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate in %s", path)
	}
	return pool, nil
}
