package stack

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// newHTTPClient ignores proxies: all its traffic stays on this machine.
func newHTTPClient() *http.Client {
	return &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
}

// vaultClient is the operator's few calls to the embedded Vault.
type vaultClient struct {
	url, token string
	http       *http.Client
}

// enableAudit has Vault write its audit log to the file, by the device named
// "file". A kept Vault whose device writes elsewhere gets a new device.
func (v vaultClient) enableAudit(ctx context.Context, path string) error {
	var devices map[string]struct {
		Options map[string]string `json:"options"`
	}
	if err := v.do(ctx, http.MethodGet, "sys/audit", nil, &devices); err != nil {
		return err
	}
	if device, ok := devices["file/"]; ok {
		if device.Options["file_path"] == path {
			return nil
		}
		if err := v.do(ctx, http.MethodDelete, "sys/audit/file", nil, nil); err != nil {
			return err
		}
	}
	return v.do(ctx, http.MethodPut, "sys/audit/file", map[string]any{
		"type":    "file",
		"options": map[string]string{"file_path": path},
	}, nil)
}

// do calls Vault and decodes the answer's data, if out is not nil.
func (v vaultClient) do(ctx context.Context, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encoding the request to vault's %s: %w", path, err)
	}
	req, err := http.NewRequestWithContext(ctx, method, v.url+"/v1/"+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("building the request to vault's %s: %w", path, err)
	}
	req.Header.Set("X-Vault-Token", v.token)
	resp, err := v.http.Do(req)
	if err != nil {
		return fmt.Errorf("asking vault: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("reading vault's answer: %w", err)
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("vault answered %s to %s %s: %s", resp.Status, method, path, bytes.TrimSpace(raw))
	}
	if out == nil {
		return nil
	}
	reply := struct {
		Data any `json:"data"`
	}{out}
	if err := json.Unmarshal(raw, &reply); err != nil {
		return fmt.Errorf("decoding vault's answer to %s: %w", path, err)
	}
	return nil
}
