package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"signet/config"
)

// certificateAge is how long a certificate is used before its files are looked
// at again: renewals need no restart, and a handshake seldom reads a file.
const certificateAge = 10 * time.Second

// certificate is the public listener's, read again when its files change. A
// pair that does not fit together (half renewed) leaves the old one in place.
type certificate struct {
	files  config.ServerTLS
	logger *slog.Logger

	mu         sync.Mutex
	current    *tls.Certificate
	cert, key  []byte
	lastLooked time.Time
}

func newCertificate(files config.ServerTLS, logger *slog.Logger) (*certificate, error) {
	c := &certificate{files: files, logger: logger}
	if err := c.load(); err != nil {
		return nil, fmt.Errorf("listen.tls: %w", err)
	}
	return c, nil
}

func (c *certificate) load() error {
	c.lastLooked = time.Now()
	cert, err := os.ReadFile(c.files.Cert)
	if err != nil {
		return err
	}
	key, err := os.ReadFile(c.files.Key)
	if err != nil {
		return err
	}
	if bytes.Equal(cert, c.cert) && bytes.Equal(key, c.key) {
		return nil
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return err
	}
	c.current, c.cert, c.key = &pair, cert, key
	c.logger.Info("certificate loaded", "file", c.files.Cert, "until", pair.Leaf.NotAfter)
	return nil
}

// get fits tls.Config.GetCertificate.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.lastLooked) > certificateAge {
		if err := c.load(); err != nil {
			c.logger.Error("the certificate's files cannot be used, the last good pair stays", "error", err)
		}
	}
	return c.current, nil
}
