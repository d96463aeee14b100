package integration_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"signet/integration"
	"signet/refresh/refreshtest"
	"signet/vaultkeys/vaultapi"
	"signet/vaultkeys/vaultapi/vaultapitest"
	"signet/vaultkeys/vaulttest"
)

// The conformance suites on the very servers that this run has: what the fakes
// of the unit tests are believed to do, the real ones must do.

func TestVaultConnectionConforms(t *testing.T) {
	vault := integration.NewVault(t)
	server := vaultapitest.Server{Address: vault.Addr, RootToken: vault.RootToken}
	if integration.Current(t) != integration.External { // somebody else's server is not sealed
		server.Seal = func(t *testing.T) { t.Helper(); vault.Seal(t) }
		server.Unseal = func(t *testing.T) { t.Helper(); vault.Unseal(t) }
	}
	vaultapitest.Run(t, server)
}

func TestTransitConforms(t *testing.T) {
	vault := integration.NewVault(t)
	mountTransit(t, vault, "transit")
	vaulttest.RunConformance(t, rootConn(t, vault))
}

// TestSessionStoreConforms: the server's clock is the real one, so that time
// passes by waiting.
func TestSessionStoreConforms(t *testing.T) {
	server := integration.NewRedis(t)
	refreshtest.Run(t, func(t *testing.T) refreshtest.Harness {
		client := redis.NewClient(&redis.Options{
			Addr: server.Addr, MaxRetries: -1, ContextTimeoutEnabled: true,
			DialTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, PoolTimeout: 10 * time.Second,
		})
		t.Cleanup(func() {
			if err := client.Close(); err != nil {
				t.Errorf("closing the client: %v", err)
			}
		})
		now := func() time.Time {
			t.Helper()
			at, err := client.Time(t.Context()).Result()
			if err != nil {
				t.Fatalf("asking redis for the time: %v", err)
			}
			return at
		}
		return refreshtest.Harness{
			Redis: client, Grace: time.Second, Memory: server.Real,
			Advance: func(d time.Duration) {
				t.Helper()
				until := now().Add(d)
				integration.Eventually(t, d+10*time.Second, "time has passed on the server", func() bool { return !now().Before(until) })
			},
		}
	})
}

// mountTransit mounts the engine unless the server, which may be shared, has it.
func mountTransit(t *testing.T, vault *integration.Vault, path string) {
	t.Helper()
	if _, there := vault.Must(t, http.MethodGet, "sys/mounts", nil)[path+"/"]; !there {
		vault.Must(t, http.MethodPost, "sys/mounts/"+path, map[string]string{"type": "transit"})
	}
}

// rootConn is our own connection with the root token, for what a test arranges
// through it and what it asks of a policy-free server.
func rootConn(t *testing.T, vault *integration.Vault) *vaultapi.Conn {
	t.Helper()
	conn, err := vaultapi.New(vaultapi.Config{
		Address: vault.Addr, Timeout: 10 * time.Second,
		Login: vaultapi.Token(func() (string, error) { return vault.RootToken, nil }),
	})
	if err != nil {
		t.Fatal(err)
	}
	return conn
}
