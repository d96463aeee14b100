package sha256pair_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"signet/internal/sha256pair"
)

// check holds both hashes to those of the standard library.
func check(t interface {
	Helper()
	Fatalf(format string, args ...any)
}, a, b []byte,
) {
	t.Helper()
	x, y := sha256pair.Sum(a, b)
	if want := sha256.Sum256(a); x != want {
		t.Fatalf("first of %d and %d bytes: %x, want %x", len(a), len(b), x, want)
	}
	if want := sha256.Sum256(b); y != want {
		t.Fatalf("second of %d and %d bytes: %x, want %x", len(a), len(b), y, want)
	}
}

// text is n bytes of which no two blocks are the same.
func text(n int, salt byte) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7) ^ byte(i>>8) ^ salt
	}
	return b
}

// Every pair of lengths up to five blocks has every way in which one text can
// end in, before or after the other's padding.
func TestSumOfAllLengths(t *testing.T) {
	a, b := text(5*sha256.BlockSize+1, 0), text(5*sha256.BlockSize+1, 0xa5)
	for n := range len(a) {
		for m := range len(b) {
			check(t, a[:n], b[:m])
		}
	}
}

func TestSumOfKnownTexts(t *testing.T) {
	// FIPS 180-2, appendix B: one block, several blocks.
	short, long := []byte("abc"), []byte("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")
	x, y := sha256pair.Sum(short, long)
	for _, c := range []struct {
		got  [sha256.Size]byte
		want string
	}{
		{x, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{y, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	} {
		if got := fmt.Sprintf("%x", c.got); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}

// The words of a block are read wherever it stands in memory, and nothing but
// the results is written.
func TestSumReadsAnywhere(t *testing.T) {
	buf := text(400, 0x3c)
	before := bytes.Clone(buf)
	for from := range 70 {
		check(t, buf[from:from+200], buf[from+13:from+300])
	}
	if !bytes.Equal(buf, before) {
		t.Fatal("the texts were changed")
	}
}

func TestSumIsThatOfTheStandardLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(rapid.Byte(), 0, 4096)
		check(t, texts.Draw(t, "a"), texts.Draw(t, "b"))
	})
}

func FuzzSum(f *testing.F) {
	f.Add([]byte(""), []byte("abc"))
	f.Add(text(119, 1), text(120, 2))
	f.Add(text(1000, 3), text(56, 4))
	f.Fuzz(func(t *testing.T, a, b []byte) { check(t, a, b) })
}

func BenchmarkSum(b *testing.B) {
	x, y := text(590, 1), text(590, 2)
	b.Run("pair", func(b *testing.B) {
		b.SetBytes(int64(len(x) + len(y)))
		for b.Loop() {
			sha256pair.Sum(x, y)
		}
	})
	b.Run("one after the other", func(b *testing.B) {
		b.SetBytes(int64(len(x) + len(y)))
		for b.Loop() {
			sha256.Sum256(x)
			sha256.Sum256(y)
		}
	})
}
