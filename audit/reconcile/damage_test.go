package reconcile_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"signet/audit/reconcile"
	"signet/audit/records"
	"signet/audit/vaultlog"
	"signet/audit/vaultlog/vaultlogtest"
)

// otherKeys is a log of n requests for a key that is none of Signet's.
func otherKeys(t *testing.T, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	log := vaultlogtest.New(&b, vaultlogtest.Config{})
	for i := range n {
		if err := log.Write(vaultlogtest.Batch{
			Time: time.Date(2026, 11, 27, 12, 0, i, 0, time.UTC), Key: "other", Version: 1, Params: map[string]string{}, Items: []vaultlogtest.Item{{Input: "i", Reference: "r"}},
		}); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// TestDamagedLog: where a line of Vault's log cannot be read, a signature may
// have been. What is no line of its device, and the line that is being written,
// is nothing to find.
func TestDamagedLog(t *testing.T) {
	whole := otherKeys(t, 100)
	lines := bytes.SplitAfter(whole, []byte("\n"))
	pack := func(b []byte) []byte {
		var out bytes.Buffer
		z := gzip.NewWriter(&out)
		if _, err := z.Write(b); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	var torn []byte
	for i, l := range lines {
		if i%4 == 1 {
			l = append(bytes.Clone(l[:len(l)/2]), '\n')
		}
		torn = append(torn, l...)
	}
	for name, c := range map[string]struct {
		log      []byte
		findings int
		says     string
	}{
		"whole":             {whole, 0, ""},
		"packed":            {pack(whole), 0, ""},
		"being written":     {whole[:len(whole)-40], 0, ""},
		"another program's": {append([]byte("==> Vault server started!\n{\"level\":\"info\"}\n"), whole...), 0, ""},
		"a line cut":        {bytes.Join([][]byte{lines[0], lines[1][:200], []byte("\n"), bytes.Join(lines[2:], nil)}, nil), 1, "torn"},
		"many lines cut":    {torn, 20, "and 30 more places"},
		"a packed file cut": {pack(whole)[:len(pack(whole))-200], 1, "packed file is damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "audit.log")
			if err := os.WriteFile(path, c.log, 0o600); err != nil {
				t.Fatal(err)
			}
			w := around(false, func(*world) {})
			got := compare(t, reconcile.Config{
				Log:     reconcile.VaultLog(vaultlog.Options{Files: []string{path}, Interest: vaultlog.Interest{Keys: []string{ring}}}),
				Keys:    reconcile.KeysOf(rings, macs),
				Records: records.Config{Paths: []string{records.Stdin}, Stdin: strings.NewReader(w.text())},
				Until:   time.Date(2026, 11, 27, 13, 0, 0, 0, time.UTC),
			}, t.TempDir())
			damaged := 0
			for i := range got.findings {
				f := &got.findings[i]
				if f.Kind != reconcile.DamagedLog {
					continue
				}
				if damaged++; !strings.HasPrefix(f.Log, path+":") || damaged == 1 && !strings.Contains(fmt.Sprint(got.findings), c.says) {
					t.Errorf("%+v", f)
				}
			}
			if damaged != c.findings {
				t.Errorf("%d findings, want %d: %+v", damaged, c.findings, got.findings)
			}
		})
	}
}
