package packed_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/gzip"

	"signet/audit/packed"
)

func gz(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestOpen(t *testing.T) {
	long := strings.Repeat("line\n", 10_000)
	for name, c := range map[string]struct{ file, want string }{
		"plain":          {long, long},
		"gzip":           {gz(t, long), long},
		"several":        {gz(t, "a\n") + gz(t, "b\n"), "a\nb\n"},
		"empty":          {"", ""},
		"one byte":       {"\x1f", "\x1f"},
		"no gzip at all": {"\x1f\x8a", "\x1f\x8a"},
	} {
		count := &packed.Counter{R: strings.NewReader(c.file)}
		in, _, err := packed.Open(count, 64)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := io.ReadAll(in)
		if err != nil || string(got) != c.want || count.N != int64(len(c.file)) {
			t.Errorf("%s: %d bytes of %d, %d counted, %v", name, len(got), len(c.want), count.N, err)
		}
	}
}

func TestOpenFails(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		r    io.Reader
		want error
	}{
		"the disk":   {iotest.ErrReader(broken), broken},
		"the header": {strings.NewReader("\x1f\x8b\xff"), io.ErrUnexpectedEOF},
	} {
		if _, _, err := packed.Open(c.r, 64); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
