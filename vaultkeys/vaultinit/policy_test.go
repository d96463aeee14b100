package vaultinit_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
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

// TestEachRingHasItsOwnLock: with many rings the policy is the sum of what each
// needs, and the issuer may write to nothing else.
func TestEachRingHasItsOwnLock(t *testing.T) {
	var rings []vaultkeys.RingConfig
	want := []string{"auth/token/renew-self", "auth/token/revoke-self", "sys/capabilities-self", "engine/hmac/macs"}
	for _, alg := range signer.Algorithms() {
		name := "r-" + strings.ToLower(string(alg))
		rings = append(rings, vaultkeys.RingConfig{Name: name, Algorithm: alg, RSABits: 4096})
		if alg.Symmetric() {
			want = append(want, "engine/hmac/"+name, "engine/verify/"+name)
		} else {
			want = append(want, "engine/sign/"+name)
		}
	}
	policies, err := vaultinit.Policies(vaultinit.Config{Mount: "engine", MACKey: "macs", Rings: rings})
	if err != nil {
		t.Fatal(err)
	}
	blocks := pathBlocks(t, policies[0].Text)
	for path, block := range blocks {
		writes := strings.Contains(block, `"update"`)
		if writes != slices.Contains(want, path) {
			t.Errorf("the issuer may write to %s: %v", path, writes)
		}
		for _, never := range []string{"create", "delete", "sudo", "list", "patch"} {
			if strings.Contains(block, `"`+never+`"`) {
				t.Errorf("%s allows %s", path, never)
			}
		}
	}
	for _, path := range want {
		if blocks[path] == "" {
			t.Errorf("nothing is said of %s", path)
		}
	}
	for _, r := range rings {
		for _, p := range policies {
			if pathBlocks(t, p.Text)["engine/keys/"+r.Name] == "" {
				t.Errorf("%s may not read %s", p.Name, r.Name)
			}
		}
	}
	for path, params := range map[string][]string{
		"engine/sign/r-es512":   {`"hash_algorithm"       = ["sha2-512"]`, `"prehashed"            = ["true"]`},
		"engine/sign/r-ps384":   {`"salt_length"          = ["hash"]`, `"signature_algorithm"  = ["pss"]`, `"hash_algorithm"       = ["sha2-384"]`},
		"engine/sign/r-rs256":   {`"signature_algorithm"  = ["pkcs1v15"]`},
		"engine/sign/r-eddsa":   {`required_parameters = ["key_version", "marshaling_algorithm"]`},
		"engine/hmac/r-hs256":   {`"algorithm"   = ["sha2-256"]`, `"input"       = ["c2lnbmV0LWtpZA=="]`},
		"engine/verify/r-hs256": {`"hmac"           = ["vault:v*"]`},
	} {
		for _, param := range params {
			if !strings.Contains(blocks[path], param) {
				t.Errorf("%s lacks %s:\n%s", path, param, blocks[path])
			}
		}
	}
}

// pathBlocks are the blocks of a policy by path; a path that stands twice would
// be merged by Vault into the weaker of the two.
func pathBlocks(t *testing.T, text string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, block := range strings.Split("\n"+text, "\npath \"")[1:] {
		path, rest, _ := strings.Cut(block, "\"")
		if out[path] != "" {
			t.Errorf("%s stands twice", path)
		}
		out[path], _, _ = strings.Cut(rest, "\n}\n")
	}
	return out
}
