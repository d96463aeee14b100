package config_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/config"
)

// certificate is a self-signed certificate and its key, as PEM.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
}

func TestCheckFiles(t *testing.T) {
	t.Parallel()
	const head = `issuer: http://localhost:8080
rings: [{name: a}]
`
	const all = head + `listen: {tls: {cert: cert, key: key}}
vault: {address: "https://vault.example.com", ca_cert: cert, auth: {method: token_file, token_file: token}}
redis: {tls: {ca_cert: cert, cert: cert, key: key}}
`
	cert, key := certificate(t)
	_, other := certificate(t)
	tests := map[string]struct {
		yaml  string
		files map[string]string
		want  []string // field:line
	}{
		"all good": {all, map[string]string{"cert": cert, "key": key}, nil},
		"none named": {head + `vault: {address: "https://vault.example.com", auth: {method: token_file, token_file: token}}
redis: {tls: {}}
`, nil, nil},
		"none there":         {all, nil, []string{"listen.tls.cert:3", "vault.ca_cert:4", "redis.tls.ca_cert:5", "redis.tls.cert:5"}},
		"not PEM":            {all, map[string]string{"cert": "x", "key": "x"}, []string{"listen.tls.cert:3", "vault.ca_cert:4", "redis.tls.ca_cert:5", "redis.tls.cert:5"}},
		"another key":        {all, map[string]string{"cert": cert, "key": other}, []string{"listen.tls.cert:3", "redis.tls.cert:5"}},
		"a key for a CA":     {strings.ReplaceAll(all, "ca_cert: cert", "ca_cert: key"), map[string]string{"cert": cert, "key": key}, []string{"vault.ca_cert:4", "redis.tls.ca_cert:5"}},
		"key file is absent": {all, map[string]string{"cert": cert}, []string{"listen.tls.cert:3", "redis.tls.cert:5"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			files := map[string]string{"signet.yaml": test.yaml}
			maps.Copy(files, test.files)
			for file, content := range files {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			c, err := config.Load(filepath.Join(dir, "signet.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			err = c.CheckFiles()
			if bad, ok := errors.AsType[*config.Error](err); ok {
				for _, v := range bad.Violations {
					got = append(got, v.Field+":"+string(rune('0'+v.Line)))
					if v.Problem == "" || v.Remedy == "" {
						t.Errorf("violation %+v", v)
					}
				}
			} else if err != nil {
				t.Fatal(err)
			}
			slices.Sort(got)
			slices.Sort(test.want)
			if !slices.Equal(got, test.want) {
				t.Errorf("violations of %v, want %v", got, test.want)
			}
		})
	}
}
