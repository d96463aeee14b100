package vaultapi_test

import (
	"context"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"signet/vaultkeys/vaultapi"
)

// behind serves handler beside the answers of a server with a root token.
func behind(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := newServer()
	s.grant("hvs.root", 0, 0)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/v1/auth/") {
			handler(w, r)
			return
		}
		resp, err := s.RoundTrip(r)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = resp.Body.Close() }()
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
	}))
	srv.Start()
	t.Cleanup(srv.Close)
	return srv
}

// rooted serves handler to a root token, about which it is asked first.
func rooted(handler http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v1/auth/") {
			_, _ = io.WriteString(w, `{"data":{"ttl":0,"expire_time":null}}`)
			return
		}
		handler(w, r)
	}
}

func dial(t *testing.T, address string, edit func(*vaultapi.Config)) conn {
	t.Helper()
	return connect(t, nil, vaultapi.Token(fixed("hvs.root")), func(c *vaultapi.Config) {
		c.Address = address
		if edit != nil {
			edit(c)
		}
	})
}

func good(w http.ResponseWriter, _ *http.Request) {
	_, _ = io.WriteString(w, `{"data":{"value":"x"}}`)
}

// TestSlowVault: one deadline, no second try, and the caller's own deadline if
// that is sooner.
func TestSlowVault(t *testing.T) {
	for name, answer := range map[string]func(http.ResponseWriter){
		"no header": func(http.ResponseWriter) {},
		"half a body": func(w http.ResponseWriter) {
			_, _ = io.WriteString(w, `{"data":{"val`)
			_ = http.NewResponseController(w).Flush()
		},
	} {
		t.Run(name, func(t *testing.T) {
			var hits atomic.Int32
			srv := behind(t, func(w http.ResponseWriter, r *http.Request) {
				hits.Add(1)
				answer(w)
				<-r.Context().Done()
			})
			c := dial(t, srv.URL, func(c *vaultapi.Config) { c.Timeout = 200 * time.Millisecond })
			began := time.Now()
			err := c.read(t)
			wantKinds(t, err, "unavailable")
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 2*time.Second || hits.Load() != 1 {
				t.Errorf("%v after %v and %d tries", err, time.Since(began), hits.Load())
			}
			if n := c.metric(t, "signet_vault_requests_total", "other", "timeout"); n != 1 {
				t.Errorf("%v timeouts are counted", n)
			}

			c = dial(t, srv.URL, func(c *vaultapi.Config) { c.Timeout = time.Hour })
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(100*time.Millisecond, cancel)
			_, err = c.Read(ctx, goodPath, &struct{}{})
			wantKinds(t, err, "unavailable")
			if !errors.Is(err, context.Canceled) {
				t.Errorf("canceled: %v", err)
			}
			if n := c.metric(t, "signet_vault_requests_total", "other", "canceled"); n != 1 {
				t.Errorf("%v canceled requests are counted", n)
			}
		})
	}
}

func TestCutConnection(t *testing.T) {
	var hits atomic.Int32
	srv := behind(t, func(http.ResponseWriter, *http.Request) {
		hits.Add(1)
		panic(http.ErrAbortHandler)
	})
	c := dial(t, srv.URL, nil)
	_, err := c.Write(t.Context(), "transit/sign/es", map[string]string{}, &struct{}{})
	wantKinds(t, err, "unavailable")
	var detail *vaultapi.Error
	if !errors.As(err, &detail) || detail.Status != 0 {
		t.Errorf("detail %+v", detail)
	}
	// Sent again by net/http only where the connection had been idle.
	if n := hits.Load(); n > 2 {
		t.Errorf("%d tries", n)
	}
}

func TestNobodyListens(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	c := dial(t, "http://"+l.Addr().String(), nil)
	wantKinds(t, c.read(t), "login", "unavailable")
}

// TestRedirect: a standby's answer is followed once, to the same path, and the
// token goes nowhere else.
func TestRedirect(t *testing.T) {
	var active, token atomic.Value
	leader := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		active.Store(r.Method + " " + r.URL.RequestURI() + " " + string(body))
		token.Store(r.Header.Get("X-Vault-Token"))
		good(w, r)
	}))
	defer leader.Close()
	standby := func(location string) *httptest.Server {
		return behind(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", location)
			w.WriteHeader(http.StatusTemporaryRedirect)
		})
	}
	t.Run("followed", func(t *testing.T) {
		c := dial(t, standby(leader.URL+"/v1/"+goodPath).URL, nil)
		if _, err := c.Write(t.Context(), goodPath, map[string]string{"a": "b"}, nil); err != nil {
			t.Fatal(err)
		}
		if active.Load() != `POST /v1/secret/good {"a":"b"}` || token.Load() != "hvs.root" {
			t.Errorf("the leader got %v", active.Load())
		}
	})
	second := standby(leader.URL + "/v1/" + goodPath)
	for name, location := range map[string]string{
		"another path":     leader.URL + "/v1/secret/other",
		"another query":    leader.URL + "/v1/" + goodPath + "?hvs.leak=1",
		"credentials":      strings.Replace(leader.URL, "http://", "http://hvs.user:hvs.word@", 1) + "/v1/" + goodPath,
		"no host":          "file:///v1/" + goodPath,
		"another scheme":   strings.Replace(leader.URL, "http://", "ftp://", 1) + "/v1/" + goodPath,
		"no address":       "http://[::1:hvs.bad/v1/" + goodPath,
		"none":             "",
		"a second standby": second.URL + "/v1/" + goodPath,
	} {
		t.Run(name, func(t *testing.T) {
			active.Store("nothing")
			c := dial(t, standby(location).URL, nil)
			wantKinds(t, c.read(t), "unavailable")
			if active.Load() != "nothing" {
				t.Errorf("the token was sent on: %v", active.Load())
			}
		})
	}
	t.Run("to plain http", func(t *testing.T) {
		tls := httptest.NewTLSServer(rooted(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", leader.URL+r.URL.Path)
			w.WriteHeader(http.StatusTemporaryRedirect)
		}))
		defer tls.Close()
		active.Store("nothing")
		c := dial(t, tls.URL, func(c *vaultapi.Config) { c.CACert = caFile(t, tls) })
		wantKinds(t, c.read(t), "unavailable")
		if active.Load() != "nothing" {
			t.Error("the token was sent in the clear")
		}
	})
}

func caFile(t *testing.T, srv *httptest.Server) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTLS(t *testing.T) {
	srv := httptest.NewTLSServer(rooted(good))
	defer srv.Close()
	dial(t, srv.URL, func(c *vaultapi.Config) { c.CACert = caFile(t, srv) }).mustRead(t)
	wantKinds(t, dial(t, srv.URL, nil).read(t), "login", "unavailable")
}

// TestRequestsAtOnceHaveConnectionsOfTheirOwn, also where Vault offers HTTP/2.
func TestRequestsAtOnceHaveConnectionsOfTheirOwn(t *testing.T) {
	const callers = 4
	remotes, all := make(chan string, callers), make(chan struct{})
	var arrived atomic.Int32
	srv := httptest.NewUnstartedServer(rooted(func(w http.ResponseWriter, r *http.Request) {
		remotes <- r.RemoteAddr
		if arrived.Add(1) == callers {
			close(all)
		}
		select {
		case <-all:
			good(w, r)
		case <-r.Context().Done():
		}
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	c := dial(t, srv.URL, func(c *vaultapi.Config) { c.CACert = caFile(t, srv) })
	var ended sync.WaitGroup
	for range callers {
		ended.Go(func() {
			if err := c.read(t); err != nil {
				t.Error(err)
			}
		})
	}
	ended.Wait()
	close(remotes)
	seen := map[string]bool{}
	for remote := range remotes {
		seen[remote] = true
	}
	if len(seen) != callers {
		t.Errorf("%d connections for %d requests at once", len(seen), callers)
	}
}

// TestEnvironmentIsNotRead: vault/api would take each of these over, or fail.
func TestEnvironmentIsNotRead(t *testing.T) {
	var hijacked atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hijacked.Add(1) }))
	defer proxy.Close()
	for name, value := range map[string]string{
		"VAULT_ADDR": proxy.URL, "VAULT_AGENT_ADDR": proxy.URL, "VAULT_PROXY_ADDR": proxy.URL, "VAULT_HTTP_PROXY": proxy.URL,
		"VAULT_TOKEN": "hvs.environment", "VAULT_NAMESPACE": "environment",
		"VAULT_HEADERS": `{"X-Vault-Namespace":"environment"}`, "VAULT_CACERT": "/nonexistent", "VAULT_SKIP_VERIFY": "neither",
		"VAULT_CLIENT_TIMEOUT": "bogus", "VAULT_MAX_RETRIES": "bogus", "VAULT_RATE_LIMIT": "bogus",
	} {
		t.Setenv(name, value)
	}
	var got atomic.Value
	srv := behind(t, func(w http.ResponseWriter, r *http.Request) {
		got.Store(r.Header.Clone())
		good(w, r)
	})
	dial(t, srv.URL, nil).mustRead(t)
	header, _ := got.Load().(http.Header)
	if header.Get("X-Vault-Token") != "hvs.root" || header.Values("X-Vault-Namespace") != nil {
		t.Errorf("headers %v", header)
	}
	if n := hijacked.Load(); n != 0 {
		t.Errorf("%d requests went where the environment points", n)
	}
}

// TestProxyOfTheEnvironmentIsNotUsed in a process of its own, because net/http
// reads that environment only once.
func TestProxyOfTheEnvironmentIsNotUsed(t *testing.T) {
	const child = "VAULTAPI_TEST_CHILD"
	if os.Getenv(child) != "" {
		// A name that no resolver knows: only a proxy could answer for it.
		wantKinds(t, dial(t, "http://vault.invalid:8200", nil).read(t), "login", "unavailable")
		return
	}
	var hits atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer proxy.Close()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProxyOfTheEnvironmentIsNotUsed$")
	cmd.Env = append(os.Environ(), child+"=1", "HTTP_PROXY="+proxy.URL, "http_proxy="+proxy.URL)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("%d requests went through the environment's proxy", n)
	}
}

// TestConnectionsAreKept: a signing service must not dial anew for each batch.
func TestConnectionsAreKept(t *testing.T) {
	var dialed atomic.Int32
	srv := httptest.NewUnstartedServer(rooted(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, deniedPath) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"errors":["permission denied"]}`)
			return
		}
		good(w, r)
	}))
	srv.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			dialed.Add(1)
		}
	}
	srv.Start()
	defer srv.Close()
	c := dial(t, srv.URL, func(c *vaultapi.Config) { c.MaxConns = 4 })
	for range 2 { // what is idle in between is kept too
		var burst sync.WaitGroup
		for range 32 {
			burst.Go(func() {
				for range 20 {
					if err := c.read(t); err != nil {
						t.Error(err)
					}
					if _, err := c.Read(t.Context(), deniedPath, nil); !errors.Is(err, vaultapi.ErrPermissionDenied) {
						t.Error(err)
					}
				}
			})
		}
		burst.Wait()
	}
	if n := dialed.Load(); n > 4 {
		t.Errorf("%d connections, at most 4 are allowed", n)
	}
}

func TestNewRefuses(t *testing.T) {
	login := vaultapi.Token(fixed("hvs.root"))
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("no certificate\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, cfg := range map[string]vaultapi.Config{
		"no address":         {Login: login},
		"no scheme":          {Login: login, Address: "vault:8200"},
		"another scheme":     {Login: login, Address: "ftp://vault"},
		"a password":         {Login: login, Address: "https://hvs.user:hvs.word@vault"},
		"a query":            {Login: login, Address: "https://vault?a=b"},
		"a fragment":         {Login: login, Address: "https://vault#a"},
		"unreadable":         {Login: login, Address: "https://va ult:hvs.x"},
		"no login":           {Address: "https://vault"},
		"no CA file":         {Login: login, Address: "https://vault", CACert: filepath.Join(t.TempDir(), "absent")},
		"no CA in the file":  {Login: login, Address: "https://vault", CACert: empty},
		"namespace of lines": {Login: login, Address: "https://vault", Namespace: "a\nb"},
	} {
		_, err := vaultapi.New(cfg)
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		wantNoSecret(t, name, err.Error())
	}
}
