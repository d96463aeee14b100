package vaultinit_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"signet/signer"
	"signet/vaultkeys"
	"signet/vaultkeys/vaultinit"
)

var update = flag.Bool("update", false, "write deploy/vault anew")

// TestDeployedPolicies: the files that people read and copy are what
// `signet vault init` writes for the default configuration.
func TestDeployedPolicies(t *testing.T) {
	policies, err := vaultinit.Policies(vaultinit.Config{Rings: []vaultkeys.RingConfig{{Name: "signet-es256", Algorithm: signer.ES256}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(policies) != 3 {
		t.Fatalf("%d policies, want 3", len(policies))
	}
	for _, p := range policies {
		file := filepath.Join("..", "..", "deploy", "vault", strings.TrimPrefix(p.Name, "signet-")+".hcl")
		if *update {
			if err := os.WriteFile(file, []byte(p.Text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		onDisk, err := os.ReadFile(file)
		if err != nil {
			t.Fatalf("%v: go test ./vaultkeys/vaultinit -update writes it", err)
		}
		if string(onDisk) != p.Text {
			t.Errorf("%s is not what vault init writes; go test ./vaultkeys/vaultinit -update writes it anew. Rendered:\n%s", file, p.Text)
		}
	}
}
