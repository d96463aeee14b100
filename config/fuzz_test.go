package config

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// FuzzParse: no file makes the parser panic; what is refused says why, and what
// is accepted has a ring, an issuer and a way to log in.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parse("signet.yaml", data)
		if err != nil {
			var all *Error
			if !errors.As(err, &all) || len(all.Violations) == 0 {
				t.Fatalf("error without violations: %v", err)
			}
			for _, v := range all.Violations {
				if v.Problem == "" || v.Remedy == "" || v.Line < 0 {
					t.Fatalf("incomplete violation: %+v", v)
				}
			}
			return
		}
		if c.Issuer == "" || len(c.Rings) == 0 || c.Vault.Auth.Method == "" || c.Tokens.TTL > c.Rings[0].MaxTTL {
			t.Fatalf("accepted: %+v", c)
		}
	})
}
