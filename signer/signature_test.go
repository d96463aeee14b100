package signer_test

import (
	"crypto/rsa"
	"math/big"
	"testing"

	"signet/signer"
)

func TestSignatureSize(t *testing.T) {
	modulus := func(bits uint) *rsa.PublicKey {
		return &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), bits-1), E: 65537}
	}
	for _, c := range []struct {
		key  signer.Key
		want int
	}{
		{signer.Key{Algorithm: signer.ES256}, 64},
		{signer.Key{Algorithm: signer.ES384}, 96},
		{signer.Key{Algorithm: signer.ES512}, 132},
		{signer.Key{Algorithm: signer.EdDSA}, 64},
		{signer.Key{Algorithm: signer.HS256}, 32},
		{signer.Key{Algorithm: signer.RS256, Public: modulus(2048)}, 256},
		{signer.Key{Algorithm: signer.PS512, Public: modulus(3072)}, 384},
		{signer.Key{Algorithm: signer.RS384, Public: modulus(4096)}, 512},
		{signer.Key{Algorithm: signer.RS256}, 0},
		{signer.Key{Algorithm: "none"}, 0},
	} {
		got, err := signer.SignatureSize(c.key)
		if got != c.want || (err == nil) != (c.want > 0) {
			t.Errorf("%s: %d, %v; want %d", c.key.Algorithm, got, err, c.want)
		}
	}
}
