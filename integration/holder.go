package integration

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
)

// Holder is Vault as one client reaches it, but that one request is never
// answered: it is held before Vault has it, or, with after, when Vault has done
// it, until the client is gone.
type Holder struct {
	// Addr is where the client finds Vault: http://127.0.0.1:PORT.
	Addr string
	// Held is closed when the request is there.
	Held <-chan struct{}

	vault *httputil.ReverseProxy
	pick  func(nth int, path, body string) bool
	after bool
	held  chan struct{}

	mu    sync.Mutex
	count int
	taken bool
}

// NewHolder holds the first request that pick says yes to; nth counts from 1.
func NewHolder(t testing.TB, vault *Vault, after bool, pick func(nth int, path, body string) bool) *Holder {
	t.Helper()
	target, err := url.Parse(vault.Addr)
	if err != nil {
		t.Fatal(err)
	}
	h := &Holder{vault: httputil.NewSingleHostReverseProxy(target), pick: pick, after: after, held: make(chan struct{})}
	h.vault.ErrorLog = log.New(io.Discard, "", 0) // a killed client is what it is for
	h.Held = h.held
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	h.Addr = server.URL
	return h
}

func (h *Holder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// All of it is read: only then does the server notice that the client is gone.
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if !h.mine(r.URL.Path, string(body)) {
		h.vault.ServeHTTP(w, r)
		return
	}
	if h.after {
		h.vault.ServeHTTP(httptest.NewRecorder(), r)
	}
	close(h.held)
	<-r.Context().Done()
}

func (h *Holder) mine(path, body string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.count++
	if h.taken || !h.pick(h.count, path, body) {
		return false
	}
	h.taken = true
	return true
}
