package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestAskVault: an answer that is not the expected one is an error.
func TestAskVault(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		answer string
		silent bool // nothing is to be read
		ok     bool
	}{
		"answered":       {http.StatusOK, `{"value":"x"}`, false, true},
		"done":           {http.StatusNoContent, "", true, true},
		"refused":        {http.StatusForbidden, `{"errors":[]}`, false, false},
		"not done":       {http.StatusOK, `{"value":"x"}`, true, false},
		"nothing to say": {http.StatusNoContent, "", false, false},
		"no JSON":        {http.StatusOK, "x", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/v1/sys/thing" || r.Header.Get("X-Vault-Token") != "tok" {
					t.Errorf("%s with %q", r.URL, r.Header)
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.answer)
			}))
			defer server.Close()
			s := &stack{env: map[string]string{"VAULT_ADDR": server.URL}}
			var got struct{ Value string }
			var into any
			if !c.silent {
				into = &got
			}
			err := s.askVault(t.Context(), "sys/thing", "tok", map[string]string{}, into)
			if (err == nil) != c.ok || c.ok && !c.silent && got.Value != "x" {
				t.Errorf("%v, %+v", err, got)
			}
		})
	}
}
