package config_test

import (
	"bufio"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"signet/config"
)

// TestViolations loads each file of testdata/bad. Its first lines say what must
// be reported, and nothing else: "#! line | field | problem | remedy", the last
// two as parts of the text.
func TestViolations(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) < 80 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			want := expectations(t, file)
			_, err := config.Load(file)
			var all *config.Error
			if !errors.As(err, &all) {
				t.Fatalf("error %v, want *config.Error", err)
			}
			if len(all.Violations) != len(want) {
				t.Errorf("%d violations, want %d:\n%v", len(all.Violations), len(want), err)
			}
			for _, w := range want {
				if !reported(all.Violations, w) {
					t.Errorf("not reported: %+v\nin:\n%v", w, err)
				}
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the message repeats a secret: %v", err)
			}
		})
	}
}

func reported(all []config.Violation, w config.Violation) bool {
	for _, v := range all {
		if v.Line == w.Line && v.Field == w.Field && strings.Contains(v.Problem, w.Problem) && strings.Contains(v.Remedy, w.Remedy) {
			return true
		}
	}
	return false
}

func expectations(t *testing.T, file string) []config.Violation {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var want []config.Violation
	for lines := bufio.NewScanner(f); lines.Scan(); {
		text, ok := strings.CutPrefix(lines.Text(), "#! ")
		if !ok {
			break
		}
		parts := strings.Split(text, "|")
		if len(parts) != 4 {
			t.Fatalf("bad expectation %q", text)
		}
		line, err := strconv.Atoi(strings.TrimSpace(parts[0]))
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, config.Violation{
			Line: line, Field: strings.TrimSpace(parts[1]), Problem: strings.TrimSpace(parts[2]), Remedy: strings.TrimSpace(parts[3]),
		})
	}
	if len(want) == 0 {
		want = []config.Violation{{Problem: "the file is empty", Remedy: "write the settings"}}
	}
	return want
}

func TestErrorText(t *testing.T) {
	_, err := config.Load("testdata/bad/guard_retire_margin.yaml")
	const want = "guard_retire_margin.yaml:7: rings[0].retire_margin: 22s could retire a key whose last token is still valid: " +
		"2 * clock_skew 5s + refresh_interval 10s + the request deadline 3s = 23s; write retire_margin: 23s or more"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestMissingFile(t *testing.T) {
	if _, err := config.Load(filepath.Join(t.TempDir(), "none.yaml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want os.ErrNotExist", err)
	}
}
