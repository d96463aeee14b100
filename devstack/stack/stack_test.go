package stack_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"signet/devstack/stack"
)

// This test binary is also the signet that a stack under test runs, by a
// link named signet-*: the name says how it shall behave.
func TestMain(m *testing.M) {
	if name := filepath.Base(os.Args[0]); strings.HasPrefix(name, "signet-") {
		os.Exit(fakeSignet(strings.TrimPrefix(name, "signet-"), os.Args[1:]))
	}
	os.Exit(m.Run())
}

func fakeSignet(behaviour string, args []string) int {
	dir := filepath.Dir(args[len(args)-1])
	if args[0] == "vault" {
		fmt.Println("init with", os.Getenv("VAULT_ADDR"), os.Getenv("VAULT_TOKEN"), os.Getenv("VAULT_NAMESPACE"))
		if behaviour == "noinit" {
			fmt.Println("permission denied, says this fake")
			return 1
		}
		return 0
	}
	if behaviour == "dies" {
		fmt.Println("bad configuration, says this fake")
		return 1
	}
	raw, err := os.ReadFile(filepath.Join(dir, "signet.yaml"))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/readyz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/readyz/sign", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/oauth2/token", func(w http.ResponseWriter, r *http.Request) {
		if _, secret, ok := r.BasicAuth(); !ok || !strings.HasPrefix(secret, "sgc_") || behaviour == "notoken" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, `{"access_token": "ey"}`)
	})
	mux.HandleFunc("/die", func(http.ResponseWriter, *http.Request) { os.Exit(7) })
	for _, m := range regexp.MustCompile(`(?m)^(?:listen|ops): \{address: "([^"]+)"`).FindAllStringSubmatch(string(raw), -1) {
		l, err := net.Listen("tcp", m[1]) //nolint:noctx // a fake server
		if err != nil {
			fmt.Println(err)
			return 1
		}
		go func() { _ = http.Serve(l, mux) }()
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	<-stop
	return 0
}

// output is what a stack prints, readable while it does.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// fakeVault answers what a stack asks of its Vault, and remembers the audit
// device's file.
type fakeVault struct {
	mu      sync.Mutex
	audit   string
	storage string
	failed  chan error
	closed  bool
}

func (v *fakeVault) start(_ context.Context, cfg stack.VaultConfig) (stack.Vault, error) {
	v.storage, v.failed = cfg.Storage, make(chan error, 1)
	server := &http.Server{Handler: v, ReadHeaderTimeout: time.Second}
	go func() { _ = server.Serve(cfg.Listener) }()
	return stack.Vault{RootToken: "root", Failed: v.failed, Close: func(ctx context.Context) error {
		v.closed = true
		return server.Shutdown(ctx)
	}}, nil
}

func (v *fakeVault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case r.Header.Get("X-Vault-Token") != "root":
		w.WriteHeader(http.StatusForbidden)
	case r.Method == http.MethodDelete:
		v.audit = ""
	case r.Method == http.MethodPut && v.audit == "":
		var in struct {
			Options map[string]string `json:"options"`
		}
		if json.NewDecoder(r.Body).Decode(&in) != nil {
			w.WriteHeader(http.StatusBadRequest)
		}
		v.audit = in.Options["file_path"]
	case r.Method == http.MethodGet && v.audit != "":
		_, _ = fmt.Fprintf(w, `{"data": {"file/": {"options": {"file_path": %q}}}}`, v.audit)
	case r.Method == http.MethodGet:
		_, _ = io.WriteString(w, `{"data": {}}`)
	default:
		w.WriteHeader(http.StatusBadRequest)
	}
}

// running is a stack under test.
type running struct {
	stack.Config
	vault *fakeVault
	out   *output
	stop  context.CancelFunc
	done  chan error
}

// prepare is a stack on free ports with miniredis and a well-behaved signet.
func prepare(t *testing.T) *running {
	t.Helper()
	r := &running{vault: &fakeVault{}, out: &output{}, done: make(chan error, 1)}
	r.Config = stack.Config{
		Dir:         filepath.Join(t.TempDir(), "devstack"),
		Signet:      fakeBinary(t, "good"),
		RedisServer: "no-such-redis-server",
		PublicPort:  "0",
		OpsPort:     "0",
		StartVault:  r.vault.start,
		Out:         r.out,
	}
	return r
}

func fakeBinary(t *testing.T, behaviour string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "signet-"+behaviour)
	if err := os.Symlink(self, link); err != nil {
		t.Fatal(err)
	}
	return link
}

func (r *running) start(t *testing.T) *running {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	r.stop = stop
	go func() { r.done <- stack.Run(ctx, r.Config) }()
	t.Cleanup(stop)
	return r
}

// ready waits for the env file and returns what a shell reads from it.
func (r *running) ready(t *testing.T) map[string]string {
	t.Helper()
	path := filepath.Join(r.Dir, "env")
	eventually(t, "the env file", func() bool {
		select {
		case err := <-r.done:
			t.Fatalf("ended at start: %v\n%s", err, r.out)
		default:
		}
		_, err := os.Stat(path)
		return err == nil
	})
	return source(t, path)
}

// source reads an env file as people do.
func source(t *testing.T, path string) map[string]string {
	t.Helper()
	raw, err := exec.CommandContext(t.Context(), "env", "-i", "sh", "-c", `. "$0"; env -0`, path).Output()
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{}
	for line := range strings.SplitSeq(string(raw), "\x00") {
		if name, value, ok := strings.Cut(line, "="); ok && name != "PWD" && name != "_" {
			env[name] = value
		}
	}
	return env
}

func (r *running) ended(t *testing.T) error {
	t.Helper()
	select {
	case err := <-r.done:
		return err
	case <-time.After(30 * time.Second):
		t.Fatalf("still runs; output:\n%s", r.out)
		return nil
	}
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for tick := time.NewTicker(10 * time.Millisecond); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("not within 30 s:", what)
		}
	}
}

func get(t *testing.T, url string) error {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err == nil {
		_ = resp.Body.Close()
	}
	return err
}
