package vaultinittest

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"signet/signer"
)

// keeperRole: it adds and retires versions, and makes no signature.
func (s *suite) keeperRole(t *testing.T) {
	ring := ringOf(signer.ES512) // spoilt here: nothing after this signs with it
	key, config := "transit/keys/"+ring, "transit/keys/"+ring+"/config"
	t.Run("RotatesAndRetires", func(t *testing.T) {
		s.data(t, s.keeper, post, key+"/rotate", nil)
		s.data(t, s.keeper, post, config, body{"min_encryption_version": "2"})
		s.data(t, s.keeper, post, config, body{"min_decryption_version": "2", "min_encryption_version": "2"})
		s.data(t, s.keeper, post, key+"/trim", body{"min_available_version": "2"})
		got := s.data(t, s.keeper, get, key, nil)
		for _, field := range []string{"latest_version", "min_decryption_version", "min_encryption_version", "min_available_version"} {
			if got[field] != 2.0 {
				t.Errorf("%s is %v, want 2", field, got[field])
			}
		}
	})
	t.Run("CannotSign", func(t *testing.T) {
		for _, alg := range signer.Algorithms() {
			path, right := "transit/sign/"+ringOf(alg), signBody(alg)
			if alg.Symmetric() {
				path, right = "transit/hmac/"+ringOf(alg), hmacBody()
			}
			if ringOf(alg) == ring {
				right = right.with(body{"key_version": "2"})
			}
			s.refused(t, s.keeper, post, path, right)
			s.data(t, s.issuer, post, path, right)
		}
	})
	t.Run("CannotDeriveRefreshSecrets", func(t *testing.T) {
		s.refused(t, s.keeper, post, "transit/hmac/"+macKey, labelBody())
		s.data(t, s.issuer, post, "transit/hmac/"+macKey, labelBody())
	})
	right := body{"min_decryption_version": "2"}
	for name, b := range map[string]body{
		"Exportable":           {"exportable": true},
		"ExportableText":       {"exportable": "true"},
		"AllowPlaintextBackup": {"allow_plaintext_backup": true},
		"DeletionAllowed":      {"deletion_allowed": true},
		"AutoRotatePeriod":     {"auto_rotate_period": "1h"},
		"BesideAMinimum":       {"min_decryption_version": "2", "exportable": true},
		"NoMinimum":            {"min_encryption_version": "0"},
		"NoMinimumAsANumber":   {"min_encryption_version": 0},
		"AnEmptyMinimum":       {"min_encryption_version": ""},
	} {
		t.Run("CannotConfigure/"+name, func(t *testing.T) {
			s.refused(t, s.keeper, post, config, b)
			s.data(t, s.keeper, post, config, right)
		})
	}
	for name, a := range map[string]struct{ method, path string }{
		"DeleteAKey":          {del, key},
		"CreateAKey":          {post, "transit/keys/policy-keepers"},
		"ExportAKey":          {get, "transit/export/signing-key/" + ring},
		"BackUpAKey":          {get, "transit/backup/" + ring},
		"RotateTheRefreshKey": {post, "transit/keys/" + macKey + "/rotate"},
	} {
		t.Run("Cannot/"+name, func(t *testing.T) {
			s.refused(t, s.keeper, a.method, a.path, nil)
			s.rootPasses(t, a.method, a.path, nil)
		})
	}
}

// auditorRole: it reads keys and finds values in the audit log.
func (s *suite) auditorRole(t *testing.T) {
	ring := ringOf(signer.ES256)
	t.Run("Reads", func(t *testing.T) {
		names := texts(s.data(t, s.auditor, list, "transit/keys", nil)["keys"])
		for _, name := range []string{ring, macKey} {
			if !slices.Contains(names, name) {
				t.Errorf("%s is not in the list %v", name, names)
			}
			s.data(t, s.auditor, get, "transit/keys/"+name, nil)
		}
		if devices := s.data(t, s.auditor, get, "sys/audit", nil); devices["file/"] == nil {
			t.Errorf("the audit device is not listed: %v", devices)
		}
		hash := s.data(t, s.auditor, post, "sys/audit-hash/file", body{"input": "x"})["hash"]
		if text, _ := hash.(string); !strings.HasPrefix(text, "hmac-sha256:") {
			t.Errorf("the hash is %v", hash)
		}
	})
	t.Run("CannotSign", func(t *testing.T) {
		s.refused(t, s.auditor, post, "transit/sign/"+ring, signBody(signer.ES256))
		s.data(t, s.issuer, post, "transit/sign/"+ring, signBody(signer.ES256))
	})
	t.Run("CannotDeriveRefreshSecrets", func(t *testing.T) {
		s.refused(t, s.auditor, post, "transit/hmac/"+macKey, labelBody())
		s.data(t, s.issuer, post, "transit/hmac/"+macKey, labelBody())
	})
	t.Run("CannotRotate", func(t *testing.T) {
		s.refused(t, s.auditor, post, "transit/keys/"+ring+"/rotate", nil)
		s.data(t, s.keeper, post, "transit/keys/"+ring+"/rotate", nil)
	})
	t.Run("CannotConfigure", func(t *testing.T) {
		right := body{"min_decryption_version": "1"}
		s.refused(t, s.auditor, post, "transit/keys/"+ring+"/config", right)
		s.data(t, s.keeper, post, "transit/keys/"+ring+"/config", right)
	})
	t.Run("CannotChangeAuditDevices", func(t *testing.T) {
		device := body{"type": "file", "options": map[string]string{"file_path": "discard"}}
		s.refused(t, s.auditor, http.MethodPut, "sys/audit/policy-second", device)
		s.rootPasses(t, http.MethodPut, "sys/audit/policy-second", device)
		s.refused(t, s.auditor, del, "sys/audit/policy-second", nil)
		s.rootPasses(t, del, "sys/audit/policy-second", nil)
	})
}
