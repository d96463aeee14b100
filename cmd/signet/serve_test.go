package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"signet/clients"
	"signet/internal/logtest"
	"signet/internal/redistest"
	"signet/vaultkeys/vaultapi"
	"signet/vaultkeys/vaulttest"
)

// transit is a fake of Vault's transit engine behind HTTP.
func transit(t *testing.T) (*vaulttest.Fake, string) {
	t.Helper()
	fake := vaulttest.New(nil)
	fake.CreateKey("signet-es256", "ecdsa-p256")
	fake.CreateKey("signet-refresh", "hmac")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in, out map[string]any
		var err error
		switch path := strings.TrimPrefix(r.URL.Path, "/v1/"); {
		case path == "auth/token/lookup-self":
			out = map[string]any{"ttl": 0, "renewable": false}
		case r.Method == http.MethodGet:
			_, err = fake.Read(r.Context(), path, &out)
		default:
			if err = json.NewDecoder(r.Body).Decode(&in); err == nil {
				_, err = fake.Write(r.Context(), path, in, &out)
			}
		}
		status, body := http.StatusOK, map[string]any{"request_id": "x", "data": out}
		if err != nil {
			status, body = http.StatusInternalServerError, map[string]any{"errors": []string{err.Error()}}
			if e, ok := errors.AsType[*vaultapi.Error](err); ok && e.Status != 0 {
				status, body = e.Status, map[string]any{"errors": e.Messages}
			}
		}
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body)
	}))
	t.Cleanup(server.Close)
	return fake, server.URL
}

// replica is `signet serve` in this process.
type replica struct {
	t           *testing.T
	log         *logBuffer
	stop        context.CancelFunc
	code        chan int
	public, ops string
	secret      string
	client      *http.Client
}

// logBuffer is the log of a replica.
type logBuffer struct{ logtest.Buffer }

// listening are the addresses in the log, once they are there.
func (l *logBuffer) listening() (public, ops string, ok bool) {
	for line := range strings.Lines(l.String()) {
		var record struct{ Msg, Public, Ops string }
		if json.Unmarshal([]byte(line), &record) == nil && record.Msg == "listening" {
			return record.Public, record.Ops, true
		}
	}
	return "", "", false
}

// files are those of a replica: its configuration and a client "orders".
func files(t *testing.T, vault, redis, listen string) (all map[string]string, secret string) {
	t.Helper()
	secret, hash, err := clients.NewSecret()
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"signet.yaml": fmt.Sprintf(`issuer: https://tokens.example.com
listen: {address: "127.0.0.1:0", %s}
ops: {address: "127.0.0.1:0"}
vault: {address: %q, insecure: true, auth: {method: token, token: {file: token}}}
rings: [{name: signet-es256, algorithm: ES256}]
redis: {addresses: [%q], insecure: true}
`, listen, vault, redis),
		"token":        "hvs.SECRET",
		"clients.yaml": fmt.Sprintf("clients: [{id: orders, secrets: [%q], grants: [client_credentials], audiences: [a]}]\n", hash),
	}, secret
}

// start runs a replica until the test ends.
func start(t *testing.T, config, secret string) *replica {
	t.Helper()
	return startCommand(t, secret, "serve", "--config", config)
}

func startCommand(t *testing.T, secret string, args ...string) *replica {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	r := &replica{
		t: t, log: &logBuffer{}, stop: stop, code: make(chan int, 1), secret: secret,
		client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}},
	}
	go func() {
		r.code <- run(ctx, append(args, "--log-level", "debug"), io.Discard, r.log)
	}()
	t.Cleanup(func() {
		stop()
		r.ended()
	})
	return r
}

// listens waits for its addresses.
func (r *replica) listens() {
	r.t.Helper()
	r.until("it listens", func() (ok bool) {
		r.public, r.ops, ok = r.log.listening()
		return ok
	})
}

// ended waits for the exit code.
func (r *replica) ended() int {
	r.t.Helper()
	select {
	case code := <-r.code:
		r.code <- code // for whoever asks next
		return code
	case <-time.After(20 * time.Second):
		r.t.Fatalf("still running:\n%s", r.log)
		return -1
	}
}

func (r *replica) until(what string, done func() bool) {
	r.t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline:
			r.t.Fatalf("waited in vain until %s:\n%s", what, r.log)
		}
	}
}

// probe is the status of a path of the ops listener, 0 if there is no answer.
func (r *replica) probe(path string) int {
	response, err := r.do(http.MethodGet, "http://"+r.ops+path, nil)
	if err != nil {
		return 0
	}
	return response
}

func (r *replica) do(method, target string, form url.Values) (int, error) {
	request, err := http.NewRequestWithContext(context.Background(), method, target, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, err
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.SetBasicAuth("orders", r.secret)
	}
	response, err := r.client.Do(request)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, errors.Join(err, response.Body.Close())
}

// token asks for one.
func (r *replica) token() (int, error) {
	return r.do(http.MethodPost, "http://"+r.public+"/oauth2/token", url.Values{"grant_type": {"client_credentials"}})
}

func TestServe(t *testing.T) {
	t.Parallel()
	fake, vault := transit(t)
	all, secret := files(t, vault, miniredis.RunT(t).Addr(), "drain: 700ms")
	r := start(t, dir(t, all), secret)
	r.listens()
	r.until("it is ready to sign", func() bool { return r.probe("/readyz") == 200 && r.probe("/readyz/sign") == 200 })
	if code, err := r.token(); code != 200 || err != nil {
		t.Fatalf("status %d, %v", code, err)
	}
	if code := r.probe("/metrics"); code != 200 {
		t.Errorf("metrics: %d", code)
	}
	if code, err := r.do(http.MethodGet, "http://"+r.public+"/.well-known/jwks.json", nil); code != 200 || err != nil {
		t.Errorf("jwks: %d, %v", code, err)
	}

	// A request that waits for Vault while the replica is told to end.
	asked, proceed := make(chan struct{}), make(chan struct{})
	var once sync.Once
	fake.Hook(func(ctx context.Context, op, path string) {
		if op == "write" && strings.HasPrefix(path, "transit/sign/") {
			once.Do(func() { close(asked) })
			select {
			case <-proceed:
			case <-ctx.Done(): // or a test that fails before would never end
			}
		}
	})
	answered := make(chan error, 1)
	go func() {
		code, err := r.token()
		if code != 200 {
			err = errors.Join(err, fmt.Errorf("status %d", code))
		}
		answered <- err
	}()
	<-asked
	r.stop()
	r.until("it says that it drains", func() bool { return r.probe("/readyz") == 503 })
	if code := r.probe("/livez"); code != 200 {
		t.Errorf("draining, and not alive: %d", code)
	}
	if code, err := r.do(http.MethodGet, "http://"+r.public+"/.well-known/jwks.json", nil); code != 200 || err != nil {
		t.Errorf("draining, and does not serve on: %d, %v", code, err)
	}
	r.until("it accepts no more", func() bool {
		_, err := r.do(http.MethodGet, "http://"+r.public+"/.well-known/jwks.json", nil)
		return err != nil
	})
	if code := r.probe("/livez"); code != 200 {
		t.Errorf("a request is under way, and nobody can watch: %d", code)
	}
	close(proceed)
	if err := <-answered; err != nil {
		t.Errorf("the request under way: %v", err)
	}
	if code := r.ended(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	for _, secret := range []string{"hvs.SECRET", secret, "eyJ"} {
		if strings.Contains(r.log.String(), secret) {
			t.Errorf("%.4s... is in the log", secret)
		}
	}
}

// Vault and Redis that are merely unreachable are waited for: without Vault
// there are no keys, and without Redis nobody knows which of them are revoked.
func TestServeWaits(t *testing.T) {
	t.Parallel()
	fake, vault := transit(t)
	fake.Seal(true)
	redis := miniredis.NewMiniRedis()
	addr := "127.0.0.1:" + redistest.FreePort(t)
	all, secret := files(t, vault, addr, "drain: 0s")
	r := start(t, dir(t, all), secret)
	r.listens()
	r.until("it has tried", func() bool { return strings.Contains(r.log.String(), "not read yet") })
	for path, want := range map[string]int{"/livez": 200, "/readyz": 503, "/readyz/sign": 503} {
		if code := r.probe(path); code != want {
			t.Errorf("%s: %d, want %d", path, code, want)
		}
	}
	if code, err := r.token(); code != 503 || err != nil {
		t.Errorf("token: %d, %v", code, err)
	}
	fake.Seal(false)
	tried := strings.Count(r.log.String(), "not read yet")
	r.until("it has tried again", func() bool { return strings.Count(r.log.String(), "not read yet") > tried+2 })
	if code := r.probe("/readyz"); code != 503 {
		t.Errorf("ready (%d) without having read the revoked kids", code)
	}
	if err := redis.StartAddr(addr); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(redis.Close)
	r.until("it is ready", func() bool { return r.probe("/readyz") == 200 })
	r.until("it signs", func() bool { code, _ := r.token(); return code == 200 })
	redis.Close() // what was read once is kept
	if code, err := r.token(); code != 200 || err != nil {
		t.Errorf("token without Redis: %d, %v", code, err)
	}
	r.stop()
	if code := r.ended(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// It ends by itself only where no waiting helps.
func TestServeEnds(t *testing.T) {
	t.Parallel()
	fake, vault := transit(t)
	fake.CreateKey("signet-es256", "ed25519")
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	all, secret := files(t, vault, miniredis.RunT(t).Addr(), "drain: 5m")
	with := func(old, text string) map[string]string {
		changed := map[string]string{}
		for name, content := range all {
			changed[name] = strings.Replace(content, old, text, 1)
		}
		return changed
	}
	port := fmt.Sprintf("%q", taken.Addr().String())
	for name, c := range map[string]struct {
		files map[string]string
		says  string
	}{
		"a key that does not fit": {all, "does not fit the configuration"},
		"a port that is taken":    {with(`listen: {address: "127.0.0.1:0"`, `listen: {address: `+port), "listen.address"},
		"an ops port taken":       {with(`ops: {address: "127.0.0.1:0"`, `ops: {address: `+port), "ops.address"},
		"no clients":              {with("clients: [{id: orders", "clients: [{id: 'a:b'"), "client id"},
		"no certificate":          {with(`drain: 5m`, `tls: {cert: /nowhere.pem, key: /nowhere.key}`), "listen.tls"},
		"no password":             {with(`redis: {`, `redis: {password: {file: nothing}, `), "redis.password"},
		"no sentinel's password":  {with(`redis: {`, `redis: {master_name: m, sentinel_password: {file: nothing}, `), "redis.sentinel_password"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, dir(t, c.files), secret)
			if code := r.ended(); code != 1 || !strings.Contains(r.log.String(), c.says) {
				t.Errorf("exit code %d:\n%s", code, r.log)
			}
		})
	}
}

func TestServeTLS(t *testing.T) {
	t.Parallel()
	_, vault := transit(t)
	cert, key := newPair(t, "localhost")
	all, secret := files(t, vault, miniredis.RunT(t).Addr(), "drain: 0s, tls: {cert: cert.pem, key: key.pem}")
	all["cert.pem"], all["key.pem"] = cert, key
	r := start(t, dir(t, all), secret)
	r.listens()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(cert))
	get := func(c *tls.Config) (proto int, err error) {
		c.RootCAs, c.ServerName = pool, "localhost"
		client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: c, ForceAttemptHTTP2: true, DisableKeepAlives: true}}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+r.public+"/.well-known/openid-configuration", nil)
		if err != nil {
			return 0, err
		}
		response, err := client.Do(request)
		if err != nil {
			return 0, err
		}
		return response.ProtoMajor, response.Body.Close()
	}
	if proto, err := get(&tls.Config{}); proto != 2 || err != nil {
		t.Errorf("HTTP/%d, %v", proto, err)
	}
	if _, err := get(&tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}); err == nil {
		t.Error("TLS 1.1 is taken")
	}
}

// The first signal drains, however long that takes; the second ends the process.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	_, vault := transit(t)
	all, _ := files(t, vault, "127.0.0.1:1", "drain: 5m")
	log := &logBuffer{}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "serve", "--config", dir(t, all))
	cmd.Env = append(os.Environ(), asMain+"=1")
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	r := &replica{t: t, log: log}
	signal := func() {
		t.Helper()
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	r.listens()
	signal()
	r.until("it drains", func() bool { return strings.Contains(log.String(), `"msg":"draining"`) })
	select {
	case err := <-ended:
		t.Fatalf("ended at the first signal: %v\n%s", err, log)
	default:
	}
	signal()
	select {
	case err := <-ended:
		if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() {
			t.Errorf("ended with %v, %v", cmd.ProcessState, err)
		}
	case <-time.After(10 * time.Second):
		_ = cmd.Process.Kill()
		t.Errorf("a second signal does not end it:\n%s", log)
	}
}
