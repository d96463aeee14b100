package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// vaultRequest posts a JSON value with a token; without one where it is empty, as a
// login is.
func (s *stack) vaultRequest(ctx context.Context, path, token string, body any) (*http.Request, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("building a request: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.env["VAULT_ADDR"]+"/v1/"+path, bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("building a request: %w", err)
	}
	if token != "" {
		req.Header.Set("X-Vault-Token", token)
	}
	return req, nil
}

// askVault sends such a request, one that is not measured. Its answer goes to into,
// which is nil where Vault has nothing to say (204).
func (s *stack) askVault(ctx context.Context, path, token string, body, into any) error {
	req, err := s.vaultRequest(ctx, path, token, body)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("asking Vault: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	want := http.StatusOK
	if into == nil {
		want = http.StatusNoContent
	}
	if resp.StatusCode != want {
		return fmt.Errorf("asking Vault for %s: %s", path, resp.Status)
	}
	if into == nil {
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return fmt.Errorf("reading Vault's answer: %w", err)
	}
	return nil
}
