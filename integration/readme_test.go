package integration_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"signet/integration"
)

// TestREADME types every `sh` block of the README, as printed, into one shell
// beside a running devstack.
func TestREADME(t *testing.T) {
	devstack := integration.StartDevstack(t)
	readme, err := os.ReadFile(filepath.Join(integration.Root(), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(string(readme), -1)
	if len(blocks) < 8 {
		t.Fatalf("%d blocks of commands in the README, want at least 8", len(blocks))
	}
	script := "set -eu -o pipefail\n"
	for _, b := range blocks {
		script += b[1]
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	here := strings.NewReplacer("source .devstack/env", "source "+devstack.Dir+"/env", "bin/signet ", integration.SignetBinary(t)+" ")
	cmd := exec.CommandContext(ctx, "bash", "-c", here.Replace(script))
	raw, err := cmd.CombinedOutput()
	out := string(raw)
	if err != nil {
		t.Fatalf("a command of the README fails: %v\n%s", err, out)
	}
	for what, pattern := range map[string]string{
		"a token for the service":         `"access_token":"ey`,
		"a refresh token":                 `"refresh_token":"sgr_`,
		"a list of tokens":                `"tokens":\[\{"access_token":"ey.*\},\{"access_token":"ey`,
		"active before the replay":        `"active":true`,
		"inactive after it":               `(?s)invalid_grant.*invalid_grant.*\{"active":false\}.*\{"active":false\}`,
		"two kids after the rotation":     `(?s)"keys":\[.*"kid".*"keys":\[.*"kid".*"kid"`,
		"metadata":                        `"token_endpoint"`,
		"the list of the ring's versions": `signet-es256 +2 +\S{43} +published`,
	} {
		if !regexp.MustCompile(pattern).MatchString(out) {
			t.Errorf("the README's commands do not show %s (%s):\n%s", what, pattern, out)
		}
	}
}
