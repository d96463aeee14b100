package vaultapitest

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"signet/vaultkeys/vaultapi"
)

var refusalChecks = map[string]func(*testing.T, *suite){
	"PermissionDenied":       permissionDenied,
	"NotFound":               notFound,
	"BadRequest":             badRequest,
	"VersionRefused":         versionRefused,
	"ReadWriteDelete":        readWriteDelete,
	"AnswersCarryIDAndClock": answersCarry,
	"CallersDeadline":        callersDeadline,
}

// client is a connection of the suite's policy.
func (s *suite) client(t *testing.T) *conn {
	t.Helper()
	roleID, secretID := s.role(t, nil)
	c := s.connect(t, s.appRole(roleID, fixed(secretID)), nil)
	c.wantLogins(t, 1)
	return c
}

// wantIs: err is want, of this status, and none of the others.
func wantIs(t *testing.T, err, want error, status int, others ...error) {
	t.Helper()
	var detail *vaultapi.Error
	if !errors.Is(err, want) || !errors.As(err, &detail) || detail.Status != status {
		t.Errorf("got %v, want %v with status %d", err, want, status)
	}
	for _, other := range others {
		if errors.Is(err, other) {
			t.Errorf("%v is also %v", err, other)
		}
	}
}

// permissionDenied makes no login: a new token would have the same policy.
func permissionDenied(t *testing.T, s *suite) {
	c := s.client(t)
	for range 10 {
		_, err := c.Read(t.Context(), s.name+"/denied", nil)
		wantIs(t, err, vaultapi.ErrPermissionDenied, http.StatusForbidden, vaultapi.ErrTokenInvalid, vaultapi.ErrUnavailable)
		_, err = c.Write(t.Context(), "sys/policies/acl/"+s.name, map[string]string{"policy": ""}, nil)
		wantIs(t, err, vaultapi.ErrPermissionDenied, http.StatusForbidden, vaultapi.ErrTokenInvalid, vaultapi.ErrUnavailable)
	}
	c.wantLogins(t, 1)
}

func notFound(t *testing.T, s *suite) {
	c := s.client(t)
	_, err := c.Read(t.Context(), s.name+"/absent", nil)
	wantIs(t, err, vaultapi.ErrNotFound, http.StatusNotFound, vaultapi.ErrNotMounted, vaultapi.ErrMalformed)
	_, err = c.Read(t.Context(), s.name+"-is-not-mounted/x", nil)
	wantIs(t, err, vaultapi.ErrNotMounted, http.StatusNotFound)
}

// transit mounts an engine beside the suite's; its policy covers the name.
func (s *suite) transit(t *testing.T) (path string) {
	t.Helper()
	mount := s.name + "-transit"
	s.admin(t, http.MethodPost, "sys/mounts/"+mount, map[string]any{"type": "transit"})
	t.Cleanup(func() { s.admin(t, http.MethodDelete, "sys/mounts/"+mount, nil) })
	s.admin(t, http.MethodPost, mount+"/keys/es", map[string]any{"type": "ecdsa-p256"})
	return mount
}

func badRequest(t *testing.T, s *suite) {
	c := s.client(t)
	mount := s.transit(t)
	_, err := c.Write(t.Context(), mount+"/sign/es", map[string]string{"input": "not base64!"}, nil)
	wantIs(t, err, vaultapi.ErrBadRequest, http.StatusBadRequest, vaultapi.ErrUnavailable, vaultapi.ErrNotFound)
	_, err = c.Delete(t.Context(), mount+"/sign/es")
	if !errors.Is(err, vaultapi.ErrBadRequest) {
		t.Errorf("an operation that the path does not have: %v", err)
	}
}

// versionRefused is a 500 of Vault's that is no outage.
func versionRefused(t *testing.T, s *suite) {
	c := s.client(t)
	mount := s.transit(t)
	_, err := c.Write(t.Context(), mount+"/sign/es", map[string]string{"input": "", "key_version": "7"}, nil)
	if !errors.Is(err, vaultapi.ErrVersionRefused) || errors.Is(err, vaultapi.ErrUnavailable) {
		t.Errorf("above the latest: %v", err)
	}
}

func readWriteDelete(t *testing.T, s *suite) {
	c := s.client(t)
	path := s.name + "/some/thing"
	if _, err := c.Write(t.Context(), path, map[string]string{"value": "y"}, nil); err != nil {
		t.Fatal(err)
	}
	var out struct {
		Value string `json:"value"`
	}
	if _, err := c.Read(t.Context(), path, &out); err != nil || out.Value != "y" {
		t.Fatalf("read %q, %v", out.Value, err)
	}
	if _, err := c.Delete(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	_, err := c.Read(t.Context(), path, &out)
	wantIs(t, err, vaultapi.ErrNotFound, http.StatusNotFound)
}

func answersCarry(t *testing.T, s *suite) {
	c := s.client(t)
	meta, err := c.Read(t.Context(), s.good(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if meta.RequestID == "" || meta.Date.IsZero() || time.Since(meta.Date).Abs() > time.Minute {
		t.Errorf("%+v", meta)
	}
}

func callersDeadline(t *testing.T, s *suite) {
	c := s.client(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.get(ctx); !errors.Is(err, context.Canceled) || !errors.Is(err, vaultapi.ErrUnavailable) {
		t.Errorf("canceled: %v", err)
	}
	c.wantLogins(t, 1)
}

// sealed: an outage by its own name, without a login, and over when Vault is
// open again.
func sealed(t *testing.T, s *suite, server Server) {
	c := s.client(t)
	c.run(t)
	server.Seal(t)
	for range 5 {
		err := c.get(t.Context())
		wantIs(t, err, vaultapi.ErrSealed, http.StatusServiceUnavailable, vaultapi.ErrLogin)
		if !errors.Is(err, vaultapi.ErrUnavailable) {
			t.Errorf("sealed is not unavailable: %v", err)
		}
	}
	late := s.connect(t, vaultapi.Token(fixed(s.hide("hvs.any-token-of-somebody"))), nil)
	if err := late.get(t.Context()); !errors.Is(err, vaultapi.ErrLogin) || !errors.Is(err, vaultapi.ErrSealed) {
		t.Errorf("a login while sealed: %v", err)
	}
	server.Unseal(t)
	eventually(t, 10*time.Second, "the unsealed Vault answers", func() bool { return c.get(t.Context()) == nil })
	c.wantLogins(t, 1)
}
