package vaulttest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"time"

	"signet/vaultkeys/vaultapi"
)

func readListsVersions(t *testing.T, s *suite) {
	name := s.create(t, "ecdsa-p256", 4)
	s.wantVersions(t, name, 1, 2, 3, 4)
	s.configure(t, name, 3, 0)
	s.wantVersions(t, name, 3, 4)
	k := s.read(t, name)
	if k.Type != "ecdsa-p256" || k.Latest != 4 || k.MinDec != 3 || k.MinEnc != 0 {
		t.Fatalf("key read: %+v", k)
	}
	for n, v := range k.Keys {
		if age := time.Since(v.CreationTime); age < -time.Hour || age > time.Hour {
			t.Errorf("version %s was created %v ago", n, age)
		}
	}
}

func minimumsAndTrim(t *testing.T, s *suite) {
	name := s.create(t, "ecdsa-p256", 4)
	first := s.read(t, name).Keys["1"].PublicKey
	s.configure(t, name, 3, 3)
	s.configure(t, name, 1, 3) // reversible: old versions come back
	s.wantVersions(t, name, 1, 2, 3, 4)
	if again := s.read(t, name).Keys["1"].PublicKey; again != first {
		t.Fatal("version 1 came back with another key")
	}
	s.configure(t, name, 3, 3)
	s.refused(t, "keys/"+name+"/trim", params{"min_available_version": "4"}, vaultapi.ErrBadRequest)
	s.write(t, "keys/"+name+"/trim", params{"min_available_version": "3"}, nil)
	s.refused(t, "keys/"+name+"/config", params{"min_decryption_version": "1"}, vaultapi.ErrBadRequest)
	s.wantVersions(t, name, 3, 4)
}

func minimumsOrder(t *testing.T, s *suite) {
	name := s.create(t, "ecdsa-p256", 3)
	config := "keys/" + name + "/config"
	s.refused(t, config, minimums(1, 4), vaultapi.ErrBadRequest)
	s.refused(t, config, minimums(4, 4), vaultapi.ErrBadRequest)
	s.refused(t, config, minimums(3, 2), vaultapi.ErrBadRequest)
	s.configure(t, name, 2, 3)
	untrimmable := s.create(t, "ecdsa-p256", 2)
	s.configure(t, untrimmable, 2, 0) // trim needs min_encryption_version
	s.refused(t, "keys/"+untrimmable+"/trim", params{"min_available_version": "2"}, vaultapi.ErrBadRequest)
}

func missingKeys(t *testing.T, s *suite) {
	var out keyRead
	if _, err := s.backend.Read(t.Context(), "transit/keys/no-such-key", &out); !errors.Is(err, vaultapi.ErrNotFound) {
		t.Fatalf("reading a missing key: %v", err)
	}
	if _, err := s.backend.Read(t.Context(), "no-such-mount/keys/k", &out); !errors.Is(err, vaultapi.ErrNotFound) {
		t.Fatalf("reading where nothing is mounted: %v", err)
	}
	s.refused(t, "sign/no-such-key", signing(1, "x"), vaultapi.ErrNotFound)
	s.refused(t, "verify/no-such-key", params{"input": b64("x"), "hmac": "vault:v1:" + b64("x")}, vaultapi.ErrNotFound)
	s.refused(t, "hmac/no-such-key", params{"input": b64("x"), "key_version": "1"}, vaultapi.ErrNotFound)
	s.refused(t, "keys/no-such-key/config", minimums(1, 1), vaultapi.ErrBadRequest)
	s.refused(t, "keys/no-such-key/rotate", params{}, vaultapi.ErrNotFound)
}

// signing is a request for an ES256 signature.
func signing(version int, input string) params {
	return params{"input": b64(input), "key_version": strconv.Itoa(version), "marshaling_algorithm": "jws", "hash_algorithm": "sha2-256"}
}

func batchOf(version int, items ...map[string]string) params {
	return params{"batch_input": append([]map[string]string{}, items...), // never null, which is no batch
		"key_version": strconv.Itoa(version), "marshaling_algorithm": "jws", "hash_algorithm": "sha2-256"}
}

func signPins(t *testing.T, s *suite) {
	name := s.create(t, "ecdsa-p256", 3)
	for version := 1; version <= 3; version++ {
		r := s.call(t, "sign/"+name, signing(version, "input"))
		if r.KeyVersion != version || !strings.HasPrefix(r.Signature, prefix(version)) {
			t.Fatalf("version %d: %+v", version, r)
		}
		digest := sha256.Sum256([]byte("input"))
		if !checkES(t, s, name, version, digest[:], r.Signature) {
			t.Fatalf("version %d: the signature is not by that version's key", version)
		}
	}
}

func signRefuses(t *testing.T, s *suite) {
	name := s.create(t, "ecdsa-p256", 3)
	s.refused(t, "sign/"+name, signing(4, "input"), vaultapi.ErrVersionRefused)
	s.configure(t, name, 1, 2)
	s.refused(t, "sign/"+name, signing(1, "input"), vaultapi.ErrVersionRefused)
	s.call(t, "sign/"+name, signing(2, "input"))
	s.configure(t, name, 1, 0) // no lower limit
	s.call(t, "sign/"+name, signing(1, "input"))
	bad := signing(1, "input")
	bad["input"] = "not base64!"
	s.refused(t, "sign/"+name, bad, vaultapi.ErrBadRequest)
	s.refused(t, "sign/"+name, batchOf(1), vaultapi.ErrBadRequest)
	s.call(t, "sign/"+name, params{"key_version": "1", "marshaling_algorithm": "jws"}) // no input is the empty input
}

func batchItemByItem(t *testing.T, s *suite) {
	name := s.create(t, "ecdsa-p256", 2)
	r := s.call(t, "sign/"+name, batchOf(1,
		map[string]string{"input": b64("a"), "reference": "ref-a"},
		map[string]string{"input": "not base64!", "reference": "ref-bad"},
		map[string]string{"input": b64("c"), "reference": "ref-c"}))
	if len(r.Batch) != 3 {
		t.Fatalf("%d results of 3", len(r.Batch))
	}
	for i, want := range []string{"ref-a", "ref-bad", "ref-c"} {
		if got := r.Batch[i]; got.Reference != want {
			t.Errorf("item %d has reference %q", i, got.Reference)
		}
	}
	if bad := r.Batch[1]; bad.Error == "" || bad.Signature != "" || bad.KeyVersion != 0 {
		t.Errorf("bad item: %+v", bad)
	}
	for i, input := range map[int]string{0: "a", 2: "c"} {
		digest := sha256.Sum256([]byte(input))
		if got := r.Batch[i]; got.Error != "" || got.KeyVersion != 1 || !checkES(t, s, name, 1, digest[:], got.Signature) {
			t.Errorf("item %d: %+v", i, got)
		}
	}
	s.configure(t, name, 1, 2)
	r = s.call(t, "sign/"+name, batchOf(1, map[string]string{"input": b64("a")}, map[string]string{"input": b64("b")}))
	for i, got := range r.Batch {
		if !strings.Contains(got.Error, "less than the minimum encryption key version") || got.KeyVersion != 0 || got.Signature != "" {
			t.Errorf("refused item %d: %+v", i, got)
		}
	}
	r = s.call(t, "sign/"+name, batchOf(3, map[string]string{"input": b64("a")}))
	if len(r.Batch) != 1 || !strings.Contains(r.Batch[0].Error, "higher than the latest key version") {
		t.Errorf("refused item: %+v", r)
	}
}

func batchIgnoresItemVersions(t *testing.T, s *suite) {
	name := s.create(t, "ecdsa-p256", 2)
	r := s.call(t, "sign/"+name, batchOf(2, map[string]string{"input": b64("a"), "key_version": "77"}))
	if len(r.Batch) != 1 || r.Batch[0].KeyVersion != 2 || r.Batch[0].Error != "" {
		t.Fatalf("%+v", r.Batch)
	}
}

func signaturesFit(t *testing.T, s *suite) {
	digest := func(h crypto.Hash, input string) []byte {
		w := h.New()
		w.Write([]byte(input))
		return w.Sum(nil)
	}
	for _, tc := range []struct {
		typ, hash, padding string
		h                  crypto.Hash
		size               int
	}{
		{"ecdsa-p256", "sha2-256", "", crypto.SHA256, 64},
		{"ecdsa-p384", "sha2-384", "", crypto.SHA384, 96},
		{"ecdsa-p521", "sha2-512", "", crypto.SHA512, 132},
		{"rsa-2048", "sha2-256", "pkcs1v15", crypto.SHA256, 256},
		{"rsa-2048", "sha2-384", "pss", crypto.SHA384, 256},
		{"ed25519", "", "", 0, 64},
	} {
		name := s.create(t, tc.typ, 1)
		in := params{"key_version": "1", "marshaling_algorithm": "jws", "input": b64("input")}
		message := []byte("input")
		if tc.hash != "" {
			message = digest(tc.h, "input")
			in["hash_algorithm"], in["prehashed"] = tc.hash, "true"
			in["input"] = base64.StdEncoding.EncodeToString(message)
		}
		if tc.padding != "" {
			in["signature_algorithm"] = tc.padding
		}
		if tc.padding == "pss" {
			in["salt_length"] = "hash"
		}
		r := s.call(t, "sign/"+name, in)
		raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(r.Signature, prefix(1)))
		if err != nil || len(raw) != tc.size {
			t.Fatalf("%s: %d bytes, want %d (%v)", tc.typ, len(raw), tc.size, err)
		}
		if !checkRaw(t, s, name, 1, tc.h, tc.padding, message, raw) {
			t.Errorf("%s %s: the signature does not verify", tc.typ, tc.padding)
		}
	}
}

func signatureVerify(t *testing.T, s *suite) {
	name := s.create(t, "ecdsa-p256", 2)
	sig := s.call(t, "sign/"+name, signing(1, "input")).Signature
	check := params{"input": b64("input"), "signature": sig, "marshaling_algorithm": "jws", "hash_algorithm": "sha2-256"}
	if !s.call(t, "verify/"+name, check).Valid {
		t.Fatal("a good signature is not valid")
	}
	check["input"] = b64("other")
	if s.call(t, "verify/"+name, check).Valid {
		t.Fatal("a signature of something else is valid")
	}
	s.configure(t, name, 2, 2)
	s.refused(t, "verify/"+name, check, vaultapi.ErrVersionRefused)
	s.configure(t, name, 1, 2) // and it comes back
	check["input"] = b64("input")
	if !s.call(t, "verify/"+name, check).Valid {
		t.Fatal("a good signature is not valid after the minimum was lowered")
	}
}

func hmacPrefix(t *testing.T, s *suite) {
	for _, typ := range []string{"hmac", "ecdsa-p256"} {
		name := s.create(t, typ, 3)
		of := func(version int) params { return params{"input": b64("label"), "key_version": strconv.Itoa(version)} }
		seen := map[string]bool{}
		for version := 1; version <= 3; version++ {
			r := s.call(t, "hmac/"+name, of(version))
			encoded, ok := strings.CutPrefix(r.HMAC, prefix(version))
			mac, err := base64.StdEncoding.DecodeString(encoded)
			if !ok || err != nil || len(mac) != 32 || r.KeyVersion != 0 || seen[encoded] {
				t.Fatalf("version %d: %d bytes, prefix %v, key_version %d", version, len(mac), ok, r.KeyVersion)
			}
			seen[encoded] = true
			if again := s.call(t, "hmac/"+name, of(version)); again.HMAC != r.HMAC {
				t.Fatal("not deterministic")
			}
		}
		s.configure(t, name, 1, 2)
		s.refused(t, "hmac/"+name, of(1), vaultapi.ErrVersionRefused)
		s.call(t, "hmac/"+name, of(2))
		s.refused(t, "hmac/"+name, of(4), vaultapi.ErrVersionRefused)
	}
}

func hmacVerify(t *testing.T, s *suite) {
	name := s.create(t, "hmac", 2)
	mac := s.call(t, "hmac/"+name, params{"input": b64("input"), "key_version": "1"}).HMAC
	s.configure(t, name, 1, 2) // fenced, still verifies
	if !s.call(t, "verify/"+name, params{"input": b64("input"), "hmac": mac}).Valid {
		t.Fatal("a good MAC is not valid")
	}
	if s.call(t, "verify/"+name, params{"input": b64("other"), "hmac": mac}).Valid {
		t.Fatal("a MAC of something else is valid")
	}
	r := s.call(t, "verify/"+name, params{"batch_input": []map[string]string{
		{"input": b64("input"), "hmac": mac, "reference": "a"}, {"input": b64("other"), "hmac": mac, "reference": "b"},
	}})
	if len(r.Batch) != 2 || !r.Batch[0].Valid || r.Batch[1].Valid || r.Batch[1].Reference != "b" {
		t.Fatalf("batch: %+v", r.Batch)
	}
	s.configure(t, name, 2, 2)
	s.refused(t, "verify/"+name, params{"input": b64("input"), "hmac": mac}, vaultapi.ErrVersionRefused)
}

func hmacListsNone(t *testing.T, s *suite) {
	if _, err := s.backend.Write(t.Context(), "transit/keys/conformance-no-size", params{"type": "hmac"}, nil); err == nil {
		t.Fatal("an hmac key was made without key_size")
	}
	name := s.create(t, "hmac", 3)
	s.configure(t, name, 2, 2)
	if k := s.read(t, name); len(k.Keys) != 0 || k.Latest != 3 || k.MinDec != 2 || k.MinEnc != 2 || k.Type != "hmac" {
		t.Fatalf("key read: %+v", k)
	}
	s.refused(t, "sign/"+name, signing(3, "input"), vaultapi.ErrBadRequest)
}

func numbersReused(t *testing.T, s *suite) {
	name := s.create(t, "ecdsa-p256", 2)
	old := s.read(t, name).Keys["1"].PublicKey
	if _, err := s.backend.Delete(t.Context(), "transit/keys/"+name); !errors.Is(err, vaultapi.ErrBadRequest) {
		t.Fatalf("deleting a key that may not be deleted: %v", err)
	}
	s.write(t, "keys/"+name+"/config", params{"deletion_allowed": "true"}, nil)
	if _, err := s.backend.Delete(t.Context(), "transit/keys/"+name); err != nil {
		t.Fatalf("deleting: %v", err)
	}
	s.write(t, "keys/"+name, params{"type": "ecdsa-p256"}, nil)
	s.wantVersions(t, name, 1)
	if s.read(t, name).Keys["1"].PublicKey == old {
		t.Fatal("version 1 has the deleted key")
	}
}

func answersCarryDate(t *testing.T, s *suite) {
	name := s.create(t, "ecdsa-p256", 1)
	var out keyRead
	meta, err := s.backend.Read(t.Context(), "transit/keys/"+name, &out)
	if err != nil {
		t.Fatal(err)
	}
	if meta.RequestID == "" || meta.Date.IsZero() || meta.Date.Nanosecond() != 0 || time.Since(meta.Date).Abs() > time.Minute {
		t.Fatalf("%+v", meta)
	}
}

func prefix(version int) string { return "vault:v" + strconv.Itoa(version) + ":" }

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func publicOf(t *testing.T, s *suite, name string, version int) crypto.PublicKey {
	t.Helper()
	text := s.read(t, name).Keys[strconv.Itoa(version)].PublicKey
	block, _ := pem.Decode([]byte(text))
	if block == nil { // Ed25519: the raw bytes in base64
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(raw) != ed25519.PublicKeySize {
			t.Fatalf("public key %q: %v", text, err)
		}
		return ed25519.PublicKey(raw)
	}
	pub, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatalf("public key %q: %v", text, err)
	}
	return pub
}

func checkES(t *testing.T, s *suite, name string, version int, digest []byte, signature string) bool {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(signature, prefix(version)))
	return err == nil && checkRaw(t, s, name, version, crypto.SHA256, "", digest, raw)
}

func checkRaw(t *testing.T, s *suite, name string, version int, h crypto.Hash, padding string, message, raw []byte) bool {
	t.Helper()
	switch pub := publicOf(t, s, name, version).(type) {
	case *ecdsa.PublicKey:
		half := len(raw) / 2
		return ecdsa.Verify(pub, message, new(big.Int).SetBytes(raw[:half]), new(big.Int).SetBytes(raw[half:]))
	case *rsa.PublicKey:
		if padding == "pss" {
			return rsa.VerifyPSS(pub, h, message, raw, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		}
		return rsa.VerifyPKCS1v15(pub, h, message, raw) == nil
	case ed25519.PublicKey:
		return ed25519.Verify(pub, message, raw)
	default:
		t.Fatalf("a %T", pub)
		return false
	}
}
