package signer_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"slices"
	"testing"

	"github.com/c2sp/wycheproof"
	"github.com/go-jose/go-jose/v4"

	"signet/signer"
)

// strictlyRefused are vectors called valid that we refuse on purpose: the key's
// own alg is not the header's (346, 347, 350, 351: RFC 8725 section 3.1), or a
// "?" stands in the base64url (372, 373).
var strictlyRefused = []int{346, 347, 350, 351, 372, 373}

// mislabelled are vectors called invalid whose text is, byte for byte, that of
// the valid vector 357: the padding they are about was lost from the file. The
// test checks that they are still equal; strict base64 has its own tests.
var mislabelled = []int{367, 370}

type jwsVectors struct {
	NumberOfTests int
	TestGroups    []struct {
		Public, Private json.RawMessage
		Tests           []struct {
			TCID    int `json:"tcId"`
			Comment string
			JWS     json.RawMessage
			Result  string
		}
	}
}

// Project Wycheproof's 401 JWS vectors: none of the invalid ones may pass.
func TestWycheproofJWS(t *testing.T) {
	data, err := fs.ReadFile(wycheproof.TestVectors, "json_web_signature_test.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors jwsVectors
	if err := json.Unmarshal(data, &vectors); err != nil {
		t.Fatal(err)
	}
	ran, accepted, refused := 0, 0, 0
	texts := make(map[int]string)
	for _, group := range vectors.TestGroups {
		raw := group.Public
		if raw == nil {
			raw = group.Private
		}
		key, mac, usable := wycheproofKey(t, raw)
		for _, test := range group.Tests {
			ran++
			var token string
			if json.Unmarshal(test.JWS, &token) != nil {
				token = string(test.JWS) // JSON serialization: an object
			}
			texts[test.TCID] = token
			// A key that is not for signatures is never in a key set of ours.
			ok := usable && signer.VerifyJWS(token, key, mac) == nil
			want := test.Result == "valid" && !slices.Contains(strictlyRefused, test.TCID) ||
				slices.Contains(mislabelled, test.TCID) && token == texts[357]
			if ok != want {
				t.Errorf("%d %s (%s): accepted = %t", test.TCID, test.Comment, test.Result, ok)
			}
			if ok {
				accepted++
			} else {
				refused++
			}
		}
	}
	if ran != 401 || ran != vectors.NumberOfTests || accepted != 42 || refused != 359 {
		t.Errorf("ran %d of %d, accepted %d, refused %d; want 401, 42, 359", ran, vectors.NumberOfTests, accepted, refused)
	}
}

func wycheproofKey(t *testing.T, raw json.RawMessage) (signer.Key, func(input, tag []byte) bool, bool) {
	t.Helper()
	var params struct {
		Alg, Use, Kty, K string
		KeyOps           []string `json:"key_ops"`
	}
	if err := json.Unmarshal(raw, &params); err != nil {
		t.Fatal(err)
	}
	alg, err := signer.ParseAlgorithm(params.Alg)
	if err != nil || params.Use == "enc" || (params.KeyOps != nil && !slices.Contains(params.KeyOps, "verify")) {
		return signer.Key{}, nil, false
	}
	if params.Kty == "oct" {
		secret, err := base64.RawURLEncoding.DecodeString(params.K)
		if err != nil {
			t.Fatal(err)
		}
		return signer.Key{Algorithm: alg}, func(input, tag []byte) bool {
			m := hmac.New(sha256.New, secret)
			m.Write(input)
			return hmac.Equal(m.Sum(nil), tag)
		}, true
	}
	var jwk jose.JSONWebKey
	if err := json.Unmarshal(raw, &jwk); err != nil {
		t.Fatal(err)
	}
	return signer.Key{Algorithm: alg, Public: jwk.Public().Key}, nil, true
}
