package vaultinit_test

import (
	"strings"
	"testing"

	"signet/vaultkeys/vaultinit"
)

func dedicated(c *vaultinit.Config) { c.DedicatedMount = true }

// TestDedicatedMount: the log is made readable when asked for, once, and never
// made unreadable again.
func TestDedicatedMount(t *testing.T) {
	f := newFake()
	mustRun(t, f, nil)
	if out := mustRun(t, f, dedicated); !strings.Contains(out, "changed      audit log      sys/mounts/transit/tune (readable: input, reference, key_version)") {
		t.Errorf("the report:\n%s", out)
	}
	wantWrites(t, f, "sys/mounts/transit/tune")
	mustRun(t, f, dedicated)
	wantWrites(t, f)
	mustRun(t, f, nil)
	wantWrites(t, f)
}

func TestDedicatedMountFromTheStart(t *testing.T) {
	f := newFake()
	mustRun(t, f, dedicated)
	if f.writes[0] != "sys/mounts/transit" || f.writes[1] != "sys/mounts/transit/tune" {
		t.Errorf("written: %v", f.writes)
	}
}

// TestDedicatedMountKeepsOthers: what else is readable already stays so.
func TestDedicatedMountKeepsOthers(t *testing.T) {
	f := newFake()
	mustRun(t, f, nil)
	f.store("sys/mounts/transit/tune", map[string]any{"audit_non_hmac_request_keys": []any{"context", "input"}})
	mustRun(t, f, dedicated)
	mount, _ := f.stored["sys/mounts"]["transit/"].(map[string]any)
	config, _ := mount["config"].(map[string]any)
	keys, _ := config["audit_non_hmac_request_keys"].([]any)
	if len(keys) != 4 || keys[0] != "context" || keys[1] != "input" {
		t.Errorf("now readable: %v", keys)
	}
}
