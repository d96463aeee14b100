package vaultserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// keys is what `vault operator init` prints: whoever has it owns this Vault.
type keys struct {
	UnsealKey string `json:"unseal_key"`
	RootToken string `json:"root_token"`
}

const keysFile = "keys.json"

// dataDir makes the storage directory and returns the part that Vault fills.
func dataDir(storage string) (string, error) {
	dir := filepath.Join(storage, "data")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("making vault's storage: %w", err)
	}
	return dir, nil
}

func readKeys(storage string) (keys, error) {
	path := filepath.Join(storage, keysFile)
	raw, err := os.ReadFile(path) //nolint:gosec // the operator's own directory
	if errors.Is(err, os.ErrNotExist) {
		return keys{}, fmt.Errorf("vault in %s is initialised, but its unseal key %s is gone: delete the directory to begin anew", storage, path)
	}
	if err != nil {
		return keys{}, fmt.Errorf("reading vault's unseal key: %w", err)
	}
	var k keys
	if err := json.Unmarshal(raw, &k); err != nil {
		return keys{}, fmt.Errorf("reading vault's unseal key from %s: %w", path, err)
	}
	return k, nil
}

// writeKeys replaces the file by rename, so that a crash leaves the old or the
// new one. In memory there is nothing to keep.
func writeKeys(storage string, k keys) error {
	if storage == "" {
		return nil
	}
	raw, err := json.Marshal(k)
	if err != nil {
		return fmt.Errorf("encoding vault's unseal key: %w", err)
	}
	path := filepath.Join(storage, keysFile)
	if err := os.WriteFile(path+".new", raw, 0o600); err != nil {
		return fmt.Errorf("storing vault's unseal key: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("storing vault's unseal key: %w", err)
	}
	return nil
}
