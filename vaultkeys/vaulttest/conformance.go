package vaulttest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"strconv"
	"testing"
	"time"

	"signet/vaultkeys/vaultapi"
)

// Backend is a transit engine under test: a [Fake], or a *vaultapi.Conn to a
// real Vault with a token that may administer keys, mounted at "transit".
type Backend interface {
	Conn
	Delete(ctx context.Context, path string) (vaultapi.Meta, error)
}

// RunConformance checks that a backend behaves as Signet relies on. Each key
// that it makes has a random name, so it can share a Vault with others.
func RunConformance(t *testing.T, backend Backend) {
	t.Helper()
	for name, check := range map[string]func(*testing.T, *suite){
		"ReadListsVersionsFromTheMinimum":  readListsVersions,
		"MinimumsAreReversibleUntilTrim":   minimumsAndTrim,
		"MinimumsKeepTheirOrder":           minimumsOrder,
		"MissingKeys":                      missingKeys,
		"SignPinsTheVersion":               signPins,
		"SignRefusesVersions":              signRefuses,
		"BatchAnswersItemByItem":           batchItemByItem,
		"BatchIgnoresVersionsInItems":      batchIgnoresItemVersions,
		"SignaturesFitTheJWSAlgorithms":    signaturesFit,
		"HMACNamesItsVersionInThePrefix":   hmacPrefix,
		"HMACVerifiesDownToTheMinimum":     hmacVerify,
		"NumbersAreReusedAfterADelete":     numbersReused,
		"AnswersCarryADateAndARequestID":   answersCarryDate,
		"HMACKeysListNoVersions":           hmacListsNone,
		"SignaturesVerifyDownToTheMinimum": signatureVerify,
	} {
		t.Run(name, func(t *testing.T) { check(t, &suite{backend: backend}) })
	}
}

// suite is the state of one check.
type suite struct{ backend Backend }

// params are a request: every value a string, as issuer.hcl demands.
type params map[string]any

// keyRead is the answer to a key read.
type keyRead struct {
	Type string `json:"type"`
	Keys map[string]struct {
		PublicKey    string    `json:"public_key"`
		CreationTime time.Time `json:"creation_time"`
	} `json:"keys"`
	Latest       int `json:"latest_version"`
	MinDec       int `json:"min_decryption_version"`
	MinEnc       int `json:"min_encryption_version"`
	MinAvailable int `json:"min_available_version"`
}

// result is the answer to sign, hmac or verify, or one item of a batch.
type result struct {
	Signature  string   `json:"signature"`
	HMAC       string   `json:"hmac"`
	Valid      bool     `json:"valid"`
	KeyVersion int      `json:"key_version"`
	Reference  string   `json:"reference"`
	Error      string   `json:"error"`
	Batch      []result `json:"batch_results"`
}

func (s *suite) create(t *testing.T, typ string, versions int) string {
	t.Helper()
	suffix := make([]byte, 8)
	if _, err := rand.Read(suffix); err != nil {
		t.Fatal(err)
	}
	name := "conformance-" + hex.EncodeToString(suffix)
	in := params{"type": typ}
	if typ == "hmac" {
		in["key_size"] = "64"
	}
	s.write(t, "keys/"+name, in, nil)
	for range versions - 1 {
		s.write(t, "keys/"+name+"/rotate", params{}, nil)
	}
	return name
}

func (s *suite) configure(t *testing.T, name string, minDec, minEnc int) {
	t.Helper()
	s.write(t, "keys/"+name+"/config", minimums(minDec, minEnc), nil)
}

func minimums(minDec, minEnc int) params {
	return params{"min_decryption_version": strconv.Itoa(minDec), "min_encryption_version": strconv.Itoa(minEnc)}
}

func (s *suite) write(t *testing.T, path string, in params, out any) {
	t.Helper()
	if _, err := s.backend.Write(t.Context(), "transit/"+path, in, out); err != nil {
		t.Fatalf("writing %s: %v", path, err)
	}
}

// call writes and returns the answer.
func (s *suite) call(t *testing.T, path string, in params) result {
	t.Helper()
	var out result
	s.write(t, path, in, &out)
	return out
}

// refused writes and wants an error of a kind.
func (s *suite) refused(t *testing.T, path string, in params, kind error) {
	t.Helper()
	var out result
	if _, err := s.backend.Write(t.Context(), "transit/"+path, in, &out); !errors.Is(err, kind) {
		t.Fatalf("writing %s: %v (%+v), want %v", path, err, out, kind)
	}
}

func (s *suite) read(t *testing.T, name string) keyRead {
	t.Helper()
	var out keyRead
	if _, err := s.backend.Read(t.Context(), "transit/keys/"+name, &out); err != nil {
		t.Fatalf("reading %s: %v", name, err)
	}
	return out
}

func (s *suite) wantVersions(t *testing.T, name string, want ...int) {
	t.Helper()
	got := s.read(t, name).Keys
	for _, n := range want {
		if _, ok := got[strconv.Itoa(n)]; !ok {
			t.Fatalf("version %d is not listed: %v", n, got)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d versions listed, want %v", len(got), want)
	}
}
