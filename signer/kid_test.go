package signer_test

import (
	"testing"

	"signet/signer"
)

func TestIsKID(t *testing.T) {
	const kid = "PC4QlcUYcW5I5nWsWfnfFQcGwWfIkPFwQbs0nrRcLlE"
	if !signer.IsKID(kid) {
		t.Errorf("%q is a kid", kid)
	}
	for what, text := range map[string]string{
		"nothing": "", "one character less": kid[1:], "one more": "A" + kid, "padding": kid + "=", "base64": "+" + kid[1:],
		"bits after the end": kid[:42] + "F", "a line break": kid[:20] + "\n" + kid[20:], "a line break at the end": kid + "\n",
	} {
		if signer.IsKID(text) {
			t.Errorf("%s: %q is no kid", what, text)
		}
	}
}
