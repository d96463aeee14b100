package issuer_test

import (
	"slices"
	"sync"
	"testing"

	"signet/issuer"
	"signet/signer"
)

// met keeps what an Issuer tells of keys.
type met struct {
	mu                   sync.Mutex
	issued, introspected []string
}

func (m *met) Issued(key signer.Key) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.issued = append(m.issued, key.Ring)
}

func (m *met) Introspected(key signer.Key) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.introspected = append(m.introspected, key.Ring)
}

func (m *met) want(t *testing.T, issued, introspected []string) {
	t.Helper()
	if !slices.Equal(m.issued, issued) || !slices.Equal(m.introspected, introspected) {
		t.Fatalf("issued %v, introspected %v; want %v and %v", m.issued, m.introspected, issued, introspected)
	}
}

// TestUsage: each token that somebody gets counts for the key that signed it,
// whatever the grant, and each question about one, if its signature is good.
func TestUsage(t *testing.T) {
	t.Parallel()
	m := &met{}
	h := newHouse(t, func(c *issuer.Config) { c.Usage = m })
	mac := h.token("mac", issuer.ClientCredentialsRequest{})
	pair := h.login()
	next := h.refreshed(pair.RefreshToken)
	single, err := h.Issue(t.Context(), h.client("wide"), issuer.IssueRequest{Subject: "bob", Ring: "fast"})
	if err != nil {
		t.Fatal(err)
	}
	issued := []string{"mac", "main", "main", "fast"}
	m.want(t, issued, nil)

	for _, token := range []string{mac, single.AccessToken, next.AccessToken} {
		if h.active("login", token) == nil {
			t.Fatal("inactive")
		}
	}
	m.want(t, issued, []string{"mac", "fast", "main"})

	// None of these says anything about a key.
	forged := single.AccessToken[:len(single.AccessToken)-8] + "AAAAAAAA"
	for _, token := range []string{"", "a.b.c", forged, next.RefreshToken} {
		h.active("login", token)
	}
	if h.active("gateway", single.AccessToken) != nil { // not its audience
		t.Fatal("active for a stranger")
	}
	m.want(t, issued, []string{"mac", "fast", "main"})

	// A denied token is met all the same.
	if err := h.Revoke(t.Context(), h.client("mac"), mac); err != nil {
		t.Fatal(err)
	}
	if h.active("login", mac) != nil {
		t.Fatal("active after its revocation")
	}
	m.want(t, issued, []string{"mac", "fast", "main", "mac"})

	// What is signed and then not handed out is not counted: the session is over.
	h.pass(idle)
	if _, err := h.Refresh(t.Context(), h.client("login"), issuer.RefreshRequest{Token: next.RefreshToken}); err == nil {
		t.Fatal("refreshed after its end")
	}
	h.holder.Fail(signer.ErrUnavailable)
	if _, err := h.ClientCredentials(t.Context(), h.client("mac"), issuer.ClientCredentialsRequest{}); err == nil {
		t.Fatal("signed without a key holder")
	}
	m.want(t, issued, []string{"mac", "fast", "main", "mac"})
}
