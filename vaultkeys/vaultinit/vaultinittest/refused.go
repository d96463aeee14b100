package vaultinittest

import (
	"net/http"
	"testing"

	"signet/signer"
)

const post, get, del, list = http.MethodPost, http.MethodGet, http.MethodDelete, "LIST"

// attempt is a request that the issuer must not get through, and right, the
// body that it does get through with on the path rightPath ("" = the same).
type attempt struct {
	name, path string
	body       body
	rightPath  string
	right      body
}

func (s *suite) issuerRefused(t *testing.T) {
	t.Run("Requests", func(t *testing.T) {
		for _, a := range append(append(signAttempts(), macAttempts()...), symmetricAttempts()...) {
			t.Run(a.name, func(t *testing.T) {
				s.refused(t, s.issuer, post, a.path, a.body)
				path := a.path
				if a.rightPath != "" {
					path = a.rightPath
				}
				s.data(t, s.issuer, post, path, a.right)
			})
		}
	})
	t.Run("Administration", s.issuerAdministers)
	t.Run("NotEvenAList", s.oddTypes)
}

// signAttempts vary one thing of a right sign request each.
func signAttempts() []attempt {
	es, es384, rs, ps := signBody(signer.ES256), signBody(signer.ES384), signBody(signer.RS256), signBody(signer.PS256)
	ed := signBody(signer.EdDSA)
	sign := func(alg signer.Algorithm) string { return "transit/sign/" + ringOf(alg) }
	on := func(name string, alg signer.Algorithm, right body, changes body) attempt {
		return attempt{name: name, path: sign(alg), body: right.with(changes), right: right}
	}
	elsewhere := func(name, path string, b body) attempt {
		return attempt{name: name, path: path, body: b, rightPath: sign(signer.ES256), right: es}
	}
	return []attempt{
		on("TheLatestVersion", signer.ES256, es, body{"key_version": nil}),
		on("ANumericVersion", signer.ES256, es, body{"key_version": 1}),
		on("TheVersionNumberZero", signer.ES256, es, body{"key_version": 0}),
		on("TheVersion0", signer.ES256, es, body{"key_version": "0"}),
		on("AnEmptyVersion", signer.ES256, es, body{"key_version": ""}),
		on("AnotherSpellingOfTheVersion", signer.ES256, es, body{"Key_Version": "0"}),
		on("ASN1", signer.ES256, es, body{"marshaling_algorithm": "asn1"}),
		on("TheDefaultMarshaling", signer.ES256, es, body{"marshaling_algorithm": nil}),
		on("AnEmptyMarshaling", signer.ES256, es, body{"marshaling_algorithm": ""}),
		on("AnotherHash", signer.ES256, es, body{"hash_algorithm": "sha2-512"}),
		on("AWeakHash", signer.RS256, rs, body{"hash_algorithm": "sha1"}),
		on("NoHash", signer.RS256, rs, body{"hash_algorithm": "none"}),
		on("TheDefaultHash", signer.ES384, es384, body{"hash_algorithm": nil}),
		on("AnEmptyHash", signer.ES384, es384, body{"hash_algorithm": ""}),
		on("TheHashByItsOldName", signer.ES256, es, body{"algorithm": "sha2-512"}),
		on("TheHashByItsPathsName", signer.ES256, es, body{"urlalgorithm": "sha2-512"}),
		on("NotPrehashed", signer.ES256, es, body{"prehashed": "false"}),
		on("PrehashedMissing", signer.ES256, es, body{"prehashed": nil}),
		on("PrehashedEmpty", signer.ES256, es, body{"prehashed": ""}),
		on("PSSWithAnRS256Ring", signer.RS256, rs, body{"signature_algorithm": "pss"}),
		on("TheDefaultPaddingWithAnRS256Ring", signer.RS256, rs, body{"signature_algorithm": nil}),
		on("AnEmptyPaddingWithAnRS256Ring", signer.RS256, rs, body{"signature_algorithm": ""}),
		on("PKCS1WithAPS256Ring", signer.PS256, ps, body{"signature_algorithm": "pkcs1v15"}),
		on("ALongSalt", signer.PS256, ps, body{"salt_length": "auto"}),
		on("TheDefaultSalt", signer.PS256, ps, body{"salt_length": nil}),
		on("AnEmptySalt", signer.PS256, ps, body{"salt_length": ""}),
		on("PrehashedEd25519", signer.EdDSA, ed, body{"prehashed": "true"}),
		on("AnUnlistedParameter", signer.ES256, es, body{"context": encoded("x")}),
		elsewhere("AnotherHashInThePath", sign(signer.ES256)+"/sha2-512", es.with(body{"hash_algorithm": nil})),
		elsewhere("TheRightHashInThePath", sign(signer.ES256)+"/sha2-256", es),
		elsewhere("AnHMACWithASigningKey", "transit/hmac/"+ringOf(signer.ES256), hmacBody()),
		elsewhere("AnotherKey", "transit/sign/policy-nobodys", es),
		elsewhere("AnotherMount", "transit2/sign/"+ringOf(signer.ES256), es),
	}
}

// macAttempts try to get anything but the one secret out of the refresh key.
func macAttempts() []attempt {
	right, path := labelBody(), "transit/hmac/"+macKey
	on := func(name string, changes body) attempt {
		return attempt{name: name, path: path, body: right.with(changes), right: right}
	}
	elsewhere := func(name, path string, b body) attempt {
		return attempt{name: name, path: path, body: b, rightPath: "transit/hmac/" + macKey, right: right}
	}
	return []attempt{
		on("AnotherLabel", body{"input": encoded("signet refresh v2")}),
		on("TheLabelAndMore", body{"input": encoded("signet refresh v1 and more")}),
		on("TheKIDLabelWithTheRefreshKey", body{"input": encoded("signet-kid")}),
		on("AnEmptyLabel", body{"input": ""}),
		on("NoLabel", body{"input": nil}),
		on("OtherLabelsInABatchBesideIt", body{"batch_input": []any{map[string]string{"input": encoded("x")}}}),
		on("OtherLabelsInABatch", body{"input": nil, "batch_input": []any{map[string]string{"input": encoded("x")}}}),
		on("AnotherHashOfTheLabel", body{"algorithm": "sha2-512"}),
		on("TheLatestVersionOfTheRefreshKey", body{"key_version": nil}),
		on("ANumericVersionOfTheRefreshKey", body{"key_version": 1}),
		on("AnEmptyVersionOfTheRefreshKey", body{"key_version": ""}),
		elsewhere("AnotherHashOfTheLabelInThePath", path+"/sha2-512", right),
		elsewhere("TheRightHashOfTheLabelInThePath", path+"/sha2-256", right),
		elsewhere("VerifyingWithTheRefreshKey", "transit/verify/"+macKey, body{"input": encoded("x"), "hmac": "vault:v1:" + encoded("y")}),
	}
}

// symmetricAttempts vary what an HS256 ring is asked for.
func symmetricAttempts() []attempt {
	ring := ringOf(signer.HS256)
	sign, kid := hmacBody(), body{"key_version": "1", "input": encoded("signet-kid")}
	verify := body{"input": encoded("x"), "hmac": "vault:v1:" + encoded("an hmac of 32 bytes, or almost..."), "hash_algorithm": "sha2-256"}
	on := func(name, verb string, right, changes body) attempt {
		return attempt{name: name, path: "transit/" + verb + "/" + ring, body: right.with(changes), right: right}
	}
	return []attempt{
		on("AnotherHashWithAnHS256Ring", "hmac", sign, body{"algorithm": "sha2-512"}),
		on("AnEmptyHashWithAnHS256Ring", "hmac", sign, body{"algorithm": ""}),
		on("TheLatestVersionOfAnHS256Ring", "hmac", sign, body{"key_version": nil}),
		on("TheVersion0OfAnHS256Ring", "hmac", sign, body{"key_version": "0"}),
		on("AnEmptyVersionOfAnHS256Ring", "hmac", sign, body{"key_version": ""}),
		on("AnotherLabelThanTheKIDs", "hmac", kid, body{"input": encoded("signet-other")}),
		on("VerifyingWithAnotherHash", "verify", verify, body{"hash_algorithm": "sha2-512"}),
		on("VerifyingWithAnEmptyHash", "verify", verify, body{"hash_algorithm": ""}),
		on("VerifyingASignature", "verify", verify, body{"signature": "vault:v1:" + encoded("x")}),
		on("VerifyingABatch", "verify", verify, body{"batch_input": []any{map[string]string{"input": encoded("x")}}}),
		{
			name: "AnotherHashWithAnHS256RingInThePath", path: "transit/hmac/" + ring + "/sha2-512", body: sign.with(body{"algorithm": nil}),
			rightPath: "transit/hmac/" + ring, right: sign,
		},
	}
}

// issuerAdministers: nothing but signing. Root gets past the policy on each of
// these paths right after, so a typing error in one would show.
func (s *suite) issuerAdministers(t *testing.T) {
	for _, a := range []struct {
		name, method, path string
		body               body
	}{
		{"ExportAKey", get, "transit/export/signing-key/" + victim, nil},
		{"ExportAPublicKey", get, "transit/export/public-key/" + victim, nil},
		{"ExportTheRefreshKey", get, "transit/export/hmac-key/" + macKey, nil},
		{"BackUpAKey", get, "transit/backup/" + victim, nil},
		{"RestoreAKey", post, "transit/restore/" + victim, body{"backup": encoded("x")}},
		{"RotateAKey", post, "transit/keys/" + victim + "/rotate", nil},
		{"RotateTheRefreshKey", post, "transit/keys/" + macKey + "/rotate", nil},
		{"ConfigureAKey", post, "transit/keys/" + victim + "/config", body{"min_decryption_version": "1"}},
		{"ConfigureTheRefreshKey", post, "transit/keys/" + macKey + "/config", body{"min_decryption_version": "1"}},
		{"TrimAKey", post, "transit/keys/" + victim + "/trim", body{"min_available_version": "1"}},
		{"DeleteAKey", del, "transit/keys/" + victim, nil},
		{"CreateAnotherKey", post, "transit/keys/policy-another", body{"type": "ed25519"}},
		{"WriteItsOwnKey", post, "transit/keys/" + victim, body{"type": "ecdsa-p256"}},
		{"ListKeys", list, "transit/keys", nil},
		{"ReadAnotherKey", get, "transit/keys/policy-another", nil},
		{"ImportAKey", post, "transit/keys/policy-imported/import", body{}},
		{"ListPolicies", list, "sys/policies/acl", nil},
		{"ReadItsPolicy", get, "sys/policies/acl/signet-issuer", nil},
		{"WriteAPolicy", post, "sys/policies/acl/policy-another", body{"policy": `path "sys/mounts" { capabilities = ["read"] }`}},
		{"ReadItsRole", get, "auth/approle/role/signet-issuer", nil},
		{"MakeASecretID", post, "auth/approle/role/signet-issuer/secret-id", nil},
		{"ListMounts", get, "sys/mounts", nil},
		{"TuneTheMount", post, "sys/mounts/transit/tune", body{"description": "Signet"}},
		{"ListAuditDevices", get, "sys/audit", nil},
		{"HashForTheAuditLog", post, "sys/audit-hash/file", body{"input": "x"}},
	} {
		t.Run(a.name, func(t *testing.T) {
			s.refused(t, s.issuer, a.method, a.path, orNil(a.body))
			s.rootPasses(t, a.method, a.path, orNil(a.body))
		})
	}
}

// rootPasses wants root to get past the policy to something that exists, even
// if that then refuses the request: a key that is not deletable, say.
func (s *suite) rootPasses(t *testing.T, method, path string, body any) {
	t.Helper()
	switch status, out := s.vault.Do(t, s.root, method, path, body); status {
	case http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed:
		t.Errorf("not even root gets through to %s %s: %d %v", method, path, status, messages(out))
	}
}

func orNil(b body) any {
	if b == nil {
		return nil // not an interface that holds a nil map
	}
	return b
}

// oddTypes pass Vault's allow lists (an empty list holds nothing that is not
// allowed) and must then fail in transit: no signature, whatever the status.
func (s *suite) oddTypes(t *testing.T) {
	right, path := signBody(signer.ES256), "transit/sign/"+ringOf(signer.ES256)
	for name, value := range map[string]any{"Empty": []any{}, "OfOne": []any{"1"}, "Commas": "1,1", "Blank": " 1"} {
		t.Run(name, func(t *testing.T) {
			if status, out := s.vault.Do(t, s.issuer, post, path, right.with(body{"key_version": value})); status/100 == 2 {
				t.Errorf("key_version %v signs: %v", value, out["data"])
			}
			s.data(t, s.issuer, post, path, right)
		})
	}
	label, labelPath := labelBody(), "transit/hmac/"+macKey
	for name, value := range map[string]any{
		"EmptyLabel": []any{}, "TwoLabels": encoded("signet refresh v1") + "," + encoded("signet refresh v1"), "BlankLabel": " " + encoded("signet refresh v1"),
	} {
		t.Run(name, func(t *testing.T) {
			if status, out := s.vault.Do(t, s.issuer, post, labelPath, label.with(body{"input": value})); status/100 == 2 {
				t.Errorf("input %v derives: %v", value, out["data"])
			}
			s.data(t, s.issuer, post, labelPath, label)
		})
	}
}
