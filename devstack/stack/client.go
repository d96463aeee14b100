package stack

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const demoClient = "demo"

// newSecret has the form of `signet client new`: 256 random bits.
func newSecret() string {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // never fails: crypto/rand ends the process instead
	return "sgc_" + base64.RawURLEncoding.EncodeToString(raw)
}

// hashSecret is what clients.yaml holds of it.
func hashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return "sha256:" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// keptSecret is the secret in the file, made at the first call, so that scripts
// go on working over restarts. No file: a new one each run.
func keptSecret(path string) (string, error) {
	if path == "" {
		return newSecret(), nil
	}
	raw, err := os.ReadFile(filepath.Clean(path))
	if secret := strings.TrimSpace(string(raw)); err == nil && secret != "" {
		return secret, nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("reading the demo client's secret: %w", err)
	}
	secret := newSecret()
	if err := replaceFile(path, secret+"\n"); err != nil {
		return "", fmt.Errorf("keeping the demo client's secret: %w", err)
	}
	return secret, nil
}

// replaceFile writes by rename, for its owner only, so that no reader ever
// sees half of it.
func replaceFile(path, content string) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	_, err = f.WriteString(content)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}
