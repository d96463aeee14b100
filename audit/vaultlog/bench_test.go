package vaultlog_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"signet/audit/vaultlog"
	"signet/audit/vaultlog/vaultlogtest"
)

var clearKeys = []string{"input", "reference", "key_version"}

// fill writes batches of items signatures until size bytes are there.
func fill(tb testing.TB, w io.Writer, cfg vaultlogtest.Config, items int, size int64) (signatures int) {
	tb.Helper()
	buf := bufio.NewWriterSize(w, 1<<20)
	n := &countWriter{w: buf}
	log := vaultlogtest.New(n, cfg)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for n.n < size {
		at = at.Add(10 * time.Millisecond)
		b := vaultlogtest.Batch{Time: at, Key: "signet-es256", Version: 1}
		for range items {
			signatures++
			digest := sha256.Sum256(fmt.Append(nil, signatures))
			b.Items = append(b.Items, vaultlogtest.Item{
				Input:     base64.StdEncoding.EncodeToString(digest[:]),
				Reference: fmt.Sprintf("jti-%018d", signatures),
			})
		}
		if err := log.Write(b); err != nil {
			tb.Fatal(err)
		}
	}
	if err := buf.Flush(); err != nil {
		tb.Fatal(err)
	}
	return signatures
}

type countWriter struct {
	w io.Writer
	n int64
}

func (c *countWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// BenchmarkScan reads all items of batches; MB/s are of the log.
func BenchmarkScan(b *testing.B) {
	for _, c := range []struct {
		name  string
		cfg   vaultlogtest.Config
		items int
	}{
		{"hashed/128", vaultlogtest.Config{}, 128},
		{"clear/128", vaultlogtest.Config{Clear: clearKeys}, 128},
		{"hashed/1", vaultlogtest.Config{}, 1},
	} {
		b.Run(c.name, func(b *testing.B) {
			path, items := benchLog(b, c.cfg, c.items)
			for b.Loop() {
				n := 0
				_, err := vaultlog.Scan(b.Context(), vaultlog.Options{Files: []string{path}}, func(e *vaultlog.Entry) error {
					for i := range e.Items {
						if e.Items[i].Signed {
							n++
						}
					}
					return nil
				})
				if err != nil || n != items {
					b.Fatalf("%d items of %d, %v", n, items, err)
				}
			}
		})
	}
}

func benchLog(b *testing.B, cfg vaultlogtest.Config, items int) (path string, signatures int) {
	b.Helper()
	path = filepath.Join(b.TempDir(), "audit.log")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	signatures = fill(b, f, cfg, items, 128<<20)
	info, err := f.Stat()
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(info.Size())
	b.ReportMetric(float64(signatures), "items")
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	return path, signatures
}
