package vaultinit_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"signet/vaultkeys/vaultapi"
)

// fake is as much of Vault as vaultinit touches: what is stored under a path
// is what a read of it answers.
type fake struct {
	stored map[string]map[string]any
	writes []string // paths, in order
	fail   map[string]error
	meddle func(path string) // called before a write is stored
	ids    int
}

func newFake() *fake {
	return &fake{
		stored: map[string]map[string]any{
			"sys/mounts": {"sys/": map[string]any{"type": "system"}},
			"sys/auth":   {"token/": map[string]any{"type": "token"}},
		},
		fail: map[string]error{},
	}
}

func (f *fake) Read(_ context.Context, path string, out any) (vaultapi.Meta, error) {
	if err := f.fail["read "+path]; err != nil {
		return vaultapi.Meta{}, err
	}
	data, ok := f.stored[path]
	if !ok {
		return vaultapi.Meta{}, fmt.Errorf("fake: read %s: %w", path, vaultapi.ErrNotFound)
	}
	return vaultapi.Meta{}, recode(data, out)
}

func (f *fake) Write(_ context.Context, path string, in, out any) (vaultapi.Meta, error) {
	if err := f.fail["write "+path]; err != nil {
		return vaultapi.Meta{}, err
	}
	if f.meddle != nil {
		f.meddle(path)
	}
	f.writes = append(f.writes, path)
	body := map[string]any{}
	if err := recode(in, &body); err != nil {
		return vaultapi.Meta{}, err
	}
	if path, isSecret := strings.CutSuffix(path, "/secret-id"); isSecret {
		f.ids++
		return vaultapi.Meta{}, recode(map[string]any{
			"secret_id": fmt.Sprintf("SECRET-%d-%s", f.ids, path), "secret_id_accessor": fmt.Sprintf("accessor-%d", f.ids),
		}, out)
	}
	f.store(path, body)
	return vaultapi.Meta{}, nil
}

// store keeps what Vault would: a mount in its table, a key that is there as
// it is, a key's config in the key, a new role's id beside it.
func (f *fake) store(path string, body map[string]any) {
	for _, table := range []string{"sys/mounts", "sys/auth"} {
		if name, ok := strings.CutPrefix(path, table+"/"); ok {
			if name, ok := strings.CutSuffix(name, "/tune"); ok {
				mount, _ := f.stored[table][name+"/"].(map[string]any)
				mount["config"] = body
				return
			}
			f.stored[table][name+"/"] = body
			return
		}
	}
	if name, ok := strings.CutSuffix(path, "/config"); ok {
		maps.Copy(f.stored[name], body)
		return
	}
	if f.stored[path] != nil && strings.Contains(path, "/keys/") {
		return
	}
	f.stored[path] = body
	if strings.Contains(path, "/role/") {
		f.stored[path+"/role-id"] = map[string]any{"role_id": "ROLE-" + path}
	}
}

func recode(in, out any) error {
	text, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, out)
}
