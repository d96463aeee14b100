package vaultserver

import (
	"maps"
	"slices"

	"github.com/hashicorp/vault/builtin/credential/approle"
	"github.com/hashicorp/vault/builtin/logical/transit"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
)

// plugins is the catalogue of what is compiled in. NewCore panics without one.
type plugins struct {
	secrets, credentials map[string]logical.Factory
}

func newPlugins() plugins {
	return plugins{
		secrets:     map[string]logical.Factory{"transit": transit.Factory},
		credentials: map[string]logical.Factory{"approle": approle.Factory},
	}
}

func (p plugins) of(t consts.PluginType) map[string]logical.Factory {
	switch t {
	case consts.PluginTypeCredential:
		return p.credentials
	case consts.PluginTypeSecrets:
		return p.secrets
	case consts.PluginTypeUnknown, consts.PluginTypeDatabase:
	}
	return nil
}

// Contains is part of vault.BuiltinRegistry, as are the others below.
func (p plugins) Contains(name string, t consts.PluginType) bool {
	_, ok := p.of(t)[name]
	return ok
}

func (p plugins) Get(name string, t consts.PluginType) (func() (any, error), bool) {
	factory, ok := p.of(t)[name]
	return func() (any, error) { return factory, nil }, ok
}

func (p plugins) Keys(t consts.PluginType) []string {
	return slices.Sorted(maps.Keys(p.of(t)))
}

func (plugins) DeprecationStatus(string, consts.PluginType) (consts.DeprecationStatus, bool) {
	return consts.Supported, true
}

func (plugins) IsBuiltinEntPlugin(string, consts.PluginType) bool { return false }
