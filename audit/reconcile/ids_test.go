package reconcile_test

import (
	"encoding/binary"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"signet/audit/reconcile"
)

// polynomial is what an id's half is: the lengths of the key and of the value,
// each before its words of 7 bytes, are the coefficients, the highest first, and
// the constant is 0. The length of the key counts one more.
func polynomial(x uint64, key, value []byte) uint64 {
	prime := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 61), big.NewInt(1))
	point, sum := new(big.Int).SetUint64(x), new(big.Int)
	step := func(word uint64) {
		sum.Add(sum.Mul(sum, point), new(big.Int).SetUint64(word)).Mod(sum, prime)
	}
	words := func(text []byte) {
		for from := 0; ; from += 7 {
			var word [8]byte
			copy(word[:7], text[min(from, len(text)):min(from+7, len(text))])
			step(binary.LittleEndian.Uint64(word[:]))
			if len(text)-from < 8 { // what is left fits in the last word
				break
			}
		}
	}
	step(uint64(len(key)) + 1)
	words(key)
	step(uint64(len(value)))
	words(value)
	step(0)
	return sum.Uint64()
}

func TestIDsArePolynomials(t *testing.T) {
	const prime = 1<<61 - 1
	rapid.Check(t, func(t *rapid.T) {
		x, y := rapid.Uint64Range(2, prime-1).Draw(t, "x"), rapid.Uint64Range(2, prime-1).Draw(t, "y")
		key := rapid.SampledFrom([]string{"", "k", "signet-es256"}).Draw(t, "key")
		value := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 'a', 0xff}), 0, 60).Draw(t, "value")
		got := reconcile.IDOf(x, y, key, value)
		for i, point := range []uint64{x, y} {
			if half, want := binary.LittleEndian.Uint64(got[8*i:]), polynomial(point, []byte(key), value); half != want {
				t.Fatalf("half %d of %q, %q at %d: %d, want %d", i, key, value, point, half, want)
			}
		}
	})
}

// TestIDsDiffer: texts that are alike have other ids, and no part of them shows
// how alike they are.
func TestIDsDiffer(t *testing.T) {
	of := reconcile.NewIDOf()
	seen, bytes := map[[16]byte]string{}, map[byte]int{}
	try := func(key, value string) {
		id := of(key, []byte(value))
		if other, ok := seen[id]; ok {
			t.Fatalf("%q has the id of %q", key+"/"+value, other)
		}
		seen[id] = key + "/" + value
		bytes[id[0]]++
	}
	for i := range 100 {
		try("", strings.Repeat("\x00", i))
		try("k", strings.Repeat("\x00", i))
		try(strings.Repeat("\x00", i+1), "")
	}
	for i := range 50_000 {
		try("key", fmt.Sprint(i))
	}
	for b, n := range bytes {
		if n > 50_300/8 {
			t.Errorf("%d of the ids begin with %d", n, b)
		}
	}
	if id := of("key", []byte("7")); seen[id] != "key/7" {
		t.Error("the id of a text is another one the second time")
	}
	if reconcile.NewIDOf()("key", nil) == of("key", nil) {
		t.Error("the points are not drawn anew")
	}
}
