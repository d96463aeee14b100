package vaultkeys

import (
	"strconv"

	"signet/vaultkeys/lifecycle"
)

// Action is the request to Vault that does an action to a ring. Values are
// strings: policies compare no others. in is nil where there is no body.
func (p Paths) Action(ring string, a lifecycle.Action) (path string, in any) {
	value := strconv.Itoa(a.Version)
	switch a.Kind {
	case lifecycle.Fence:
		return p.KeyConfig(ring), map[string]string{"min_encryption_version": value}
	case lifecycle.Retire:
		return p.KeyConfig(ring), map[string]string{"min_decryption_version": value}
	case lifecycle.Trim:
		return p.Trim(ring), map[string]string{"min_available_version": value}
	case lifecycle.Rotate:
		return p.Rotate(ring), nil
	}
	panic("vaultkeys: no such action: " + string(a.Kind))
}
