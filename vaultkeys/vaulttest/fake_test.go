package vaulttest_test

import (
	"errors"
	"testing"

	"signet/vaultkeys/vaultapi"
	"signet/vaultkeys/vaulttest"
)

func TestFakeConforms(t *testing.T) {
	t.Parallel()
	vaulttest.RunConformance(t, vaulttest.New(nil))
}

func TestStrictFakeRefusesWhatIssuerHCLRefuses(t *testing.T) {
	t.Parallel()
	f := vaulttest.New(nil)
	f.Strict = true
	f.CreateKey("k", "ecdsa-p256")
	good := map[string]any{"input": "eA==", "key_version": "1", "marshaling_algorithm": "jws"}
	if _, err := f.Write(t.Context(), "transit/sign/k", good, nil); err != nil {
		t.Fatalf("a good request: %v", err)
	}
	for name, bad := range map[string]map[string]any{
		"numeric version":  {"input": "eA==", "key_version": 1, "marshaling_algorithm": "jws"},
		"latest version":   {"input": "eA==", "key_version": "0", "marshaling_algorithm": "jws"},
		"no version":       {"input": "eA==", "marshaling_algorithm": "jws"},
		"asn1":             {"input": "eA==", "key_version": "1", "marshaling_algorithm": "asn1"},
		"boolean":          {"input": "eA==", "key_version": "1", "marshaling_algorithm": "jws", "prehashed": true},
		"no marshaling":    {"input": "eA==", "key_version": "1"},
		"negative version": {"input": "eA==", "key_version": "-1", "marshaling_algorithm": "jws"},
	} {
		if _, err := f.Write(t.Context(), "transit/sign/k", bad, nil); !errors.Is(err, vaultapi.ErrPermissionDenied) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var detail *vaultapi.Error
	if _, err := f.Write(t.Context(), "transit/sign/nope", good, nil); !errors.As(err, &detail) || detail.Status != 400 {
		t.Errorf("a refusal carries no vaultapi.Error: %v", err)
	}
}
