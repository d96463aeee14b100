package deployredis_test

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"signet/internal/redistest"
	"signet/internal/sharedstate"
)

// house are the files' values in a test's own place.
type house struct {
	files redistest.PEMFiles
	acl   string
}

func newHouse(t *testing.T) *house {
	t.Helper()
	return &house{files: redistest.Certificates(t), acl: aclFile(t)}
}

// config is one of the files for redistest.StartConfigured.
func (h *house) config(t *testing.T, name string) string {
	t.Helper()
	return strings.NewReplacer(
		"/etc/redis/tls/ca.pem", h.files.CA, "/etc/redis/tls/redis.pem", h.files.Cert, "/etc/redis/tls/redis-key.pem", h.files.Key,
		"/etc/redis/users.acl", h.acl, "/var/lib/redis-sentinel", "DIR", "/var/lib/redis", "DIR",
		"bind *", "bind 127.0.0.1", "tls-port 26379", "tls-port PORT", "tls-port 6379", "tls-port PORT",
	).Replace(file(t, name))
}

// signet is how Signet's configuration reaches them.
func (h *house) signet(addresses ...string) sharedstate.Config {
	return sharedstate.Config{
		Addresses: addresses, Username: "signet", Password: password,
		TLS: &sharedstate.TLS{CACert: h.files.CA, Cert: h.files.Cert, Key: h.files.Key},
	}
}

// admin may do everything on one server.
func (h *house) admin(t *testing.T, addr string) *redis.Client {
	t.Helper()
	return redis.NewClient(h.adminOptions(t, addr))
}

func (h *house) adminOptions(t *testing.T, addr string) *redis.Options {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(h.files.Cert, h.files.Key)
	if err != nil {
		t.Fatal(err)
	}
	authority, err := os.ReadFile(h.files.CA)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	return &redis.Options{
		Addr: addr, Username: "admin", Password: password,
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, Certificates: []tls.Certificate{pair}},
	}
}
