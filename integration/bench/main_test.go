package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestArguments: what starts no stack. Help is no failure, and a forgotten dash
// no default.
func TestArguments(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]struct{ err, says string }{
		"--help":          {"", "make bench"},
		"-h":              {"", "make bench"},
		"rounds 5":        {`unexpected argument "rounds"`, ""},
		"-rounds 1 extra": {`unexpected argument "extra"`, ""},
		"-rounds 0":       {"-rounds is at least 1", ""},
		"-o xml":          {"-o table or json", ""},
		"-what":           {"not defined: -what", "Usage"},
	} {
		var out, progress bytes.Buffer
		err := run(t.Context(), strings.Fields(args), &out, &progress)
		if (err == nil) != (want.err == "") || err != nil && !strings.Contains(err.Error(), want.err) {
			t.Errorf("%s: error %v, want %q", args, err, want.err)
		}
		if out.Len() > 0 || !strings.Contains(progress.String(), want.says) {
			t.Errorf("%s: printed %q and %q", args, out.String(), progress.String())
		}
	}
}
