package vaultkeys_test

import (
	"testing"

	"signet/vaultkeys"
)

// An alarm without a text is a line that nobody can act on.
func TestEveryAlarmHasAMessage(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for kind, text := range vaultkeys.AlarmMessages() {
		if text == "" {
			t.Errorf("%s has no message", kind)
		}
		if other, twice := seen[text]; twice {
			t.Errorf("%s and %s have one message", kind, other)
		}
		seen[text] = kind
	}
}
