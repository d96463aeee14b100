package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"signet/config"
)

// newPair is a self-signed certificate for a name and for this machine, as PEM.
func newPair(t *testing.T, name string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name, "localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
}

func TestCertificateReload(t *testing.T) {
	t.Parallel()
	files := config.ServerTLS{Cert: filepath.Join(t.TempDir(), "cert.pem"), Key: filepath.Join(t.TempDir(), "key.pem")}
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	if _, err := newCertificate(files, logger); err == nil || !strings.Contains(err.Error(), "listen.tls") || !strings.Contains(err.Error(), files.Cert) {
		t.Errorf("no files: %v", err)
	}
	cert1, key1 := newPair(t, "one.example.com")
	cert2, key2 := newPair(t, "two.example.com")
	write(files.Cert, cert1)
	write(files.Key, key1)
	c, err := newCertificate(files, logger)
	if err != nil {
		t.Fatal(err)
	}
	want := func(name string) {
		t.Helper()
		got, err := c.get(nil)
		if err != nil || got.Leaf.Subject.CommonName != name {
			t.Errorf("got %v, %v, want %s", got.Leaf.Subject, err, name)
		}
	}
	// handshake is one that comes when the files are to be looked at again.
	handshake := func(name string) {
		t.Helper()
		c.lastLooked = c.lastLooked.Add(-certificateAge - time.Second)
		want(name)
	}
	want("one.example.com")
	handshake("one.example.com")
	write(files.Cert, cert2)
	want("one.example.com") // not at every handshake
	handshake("one.example.com")
	if !strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("a half-renewed pair is not in the log: %s", &log)
	}
	write(files.Key, key2)
	handshake("two.example.com")
	write(files.Cert, "")
	handshake("two.example.com")
	if err := os.Remove(files.Cert); err != nil {
		t.Fatal(err)
	}
	log.Reset()
	handshake("two.example.com")
	want("two.example.com")
	if n := strings.Count(log.String(), "level=ERROR"); n != 1 {
		t.Errorf("%d lines for one look: %s", n, &log)
	}
	write(files.Cert, cert1)
	write(files.Key, key1)
	handshake("one.example.com")
	if strings.Contains(log.String(), "PRIVATE KEY") {
		t.Error("the key is in the log")
	}
}

func TestServerLimits(t *testing.T) {
	t.Parallel()
	s := newHTTPServer(nil, slog.New(slog.DiscardHandler))
	for name, c := range map[string]struct{ got, atLeast, atMost time.Duration }{
		"reading headers": {s.ReadHeaderTimeout, time.Second, 5 * time.Second},
		"reading":         {s.ReadTimeout, time.Second, 10 * time.Second},
		"writing":         {s.WriteTimeout, s.ReadTimeout + config.RequestDeadline, 30 * time.Second}, // it begins before the body is read
		"idle":            {s.IdleTimeout, time.Second, 2 * time.Minute},
	} {
		if c.got < c.atLeast || c.got > c.atMost {
			t.Errorf("%s may take %v", name, c.got)
		}
	}
	if s.MaxHeaderBytes <= 0 || s.MaxHeaderBytes > 16<<10 || s.HTTP2.MaxConcurrentStreams <= 0 || s.HTTP2.MaxConcurrentStreams > 250 {
		t.Errorf("%d bytes of headers, %d streams", s.MaxHeaderBytes, s.HTTP2.MaxConcurrentStreams)
	}
	cert, key := newPair(t, "localhost")
	path := dir(t, map[string]string{"cert.pem": cert, "key.pem": key})
	l, err := listenPublic(t.Context(), config.Listen{
		Address: "127.0.0.1:0", TLS: config.ServerTLS{Cert: filepath.Join(filepath.Dir(path), "cert.pem"), Key: filepath.Join(filepath.Dir(path), "key.pem")},
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.listener.Close() })
	if l.tls.MinVersion < tls.VersionTLS12 || l.tls.InsecureSkipVerify {
		t.Errorf("TLS from version %x", l.tls.MinVersion)
	}
}
