package auditing_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"signet/audit/trace"
	"signet/integration"
)

// TestAuditTrace follows tokens of a running Signet into the log of a real Vault:
// hashed, with the auditor's policy, and clear, without any Vault.
func TestAuditTrace(t *testing.T) {
	if !integration.OnlyOn(t, integration.Process, integration.Docker) {
		return // it reads Vault's log
	}
	stack := integration.New(t, &integration.Options{Audit: true})
	dir, records := t.TempDir(), stack.Records(0)
	s := stack.Signet(0)
	_, refresh := s.Pair(t, stack.Demo, "user:alice")
	token := s.Refresh(t, stack.Demo, refresh).Want(t, http.StatusOK).String(t, "access_token")
	_, made := stack.Vault.Do(t, stack.Vault.RootToken, http.MethodPost, "auth/token/create", map[string]any{"policies": []string{"signet-auditor"}, "no_default_policy": true})
	auth, _ := made["auth"].(map[string]any)
	auditor, ok := auth["client_token"].(string)
	if !ok {
		t.Fatalf("no token for an auditor: %v", made)
	}

	run := func(t *testing.T, vaultToken, stdin string, args ...string) (trace.Report, int) {
		t.Helper()
		cmd := exec.Command(integration.SignetBinary(t), append([]string{"audit", "trace", "-o", "json", "--config", stack.Config(0), "--vault-log", stack.Vault.AuditLog(t)}, args...)...) //nolint:noctx // bounded by the test
		cmd.Env = append(os.Environ(), "VAULT_ADDR="+stack.Vault.Addr, "VAULT_TOKEN="+vaultToken, "HOME="+dir)
		cmd.Stdin = strings.NewReader(stdin)
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		_ = cmd.Run() // its code tells
		var report trace.Report
		if out.Len() > 0 {
			if err := json.Unmarshal(out.Bytes(), &report); err != nil {
				t.Fatalf("%v\n%s", err, out.String())
			}
		}
		if text := out.String() + errs.String(); strings.Contains(text, stdin) && strings.Count(stdin, ".") == 2 {
			t.Errorf("the token is printed: %s", text)
		}
		t.Logf("%s", errs.String())
		return report, cmd.ProcessState.ExitCode()
	}

	t.Run("hashed", func(t *testing.T) {
		r, code := run(t, auditor, token, "--records", records, "-")
		if code != 0 || len(r.Signatures) != 1 || len(r.Records) != 1 || !r.Log.Hashed {
			t.Fatalf("code %d: %+v", code, r)
		}
		sig, record := r.Signatures[0], r.Records[0]
		if sig.Key != "signet-es256" || sig.KeyVersion != 1 || sig.By != trace.ByBoth || sig.DisplayName != "approle" || sig.Result != trace.ResultSigned || sig.RequestID != record.BatchRequestID {
			t.Errorf("%+v", sig)
		}
		if record.Subject != "user:alice" || record.ClientID != "demo" || record.BatchOutcome != "issued" || record.Grant != "refresh_token" {
			t.Errorf("%+v", record)
		}
		if len(r.Lineage) != 2 || r.Lineage[0].Grant != "issue" || len(r.Lineage[0].Signatures) != 1 || len(r.Lineage[1].Signatures) != 1 {
			t.Errorf("%+v", r.Lineage)
		}
		if byJTI, code := run(t, auditor, "", r.Subject.JTI, "--records", records); code != 0 || len(byJTI.Signatures) != 1 || len(byJTI.Lineage) != 2 {
			t.Errorf("by jti, code %d: %+v", code, byJTI)
		}
	})
	t.Run("forged", func(t *testing.T) {
		parts := strings.Split(token, ".")
		claims, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err != nil {
			t.Fatal(err)
		}
		parts[1] = base64.RawURLEncoding.EncodeToString(bytes.Replace(claims, []byte("user:alice"), []byte("user:admin"), 1))
		if r, code := run(t, auditor, strings.Join(parts, "."), "-"); code != 1 || r.Found || len(r.Signatures) != 1 || r.Signatures[0].By != trace.ByReference {
			t.Errorf("code %d: %+v", code, r)
		}
	})
	t.Run("without rights", func(t *testing.T) {
		if r, code := run(t, "", token, "-"); code != 1 || r.Found {
			t.Errorf("code %d: %+v", code, r)
		}
	})
	t.Run("clear", func(t *testing.T) {
		stack.Vault.Must(t, http.MethodPost, "sys/mounts/transit/tune", map[string]any{"audit_non_hmac_request_keys": []string{"input", "reference", "key_version"}})
		token := s.ClientCredentials(t, stack.Demo)
		r, code := run(t, "", token, "--records", records, "-")
		if code != 0 || len(r.Signatures) != 1 || r.Signatures[0].By != trace.ByBoth || len(r.Records) != 1 {
			t.Errorf("code %d: %+v", code, r)
		}
	})
}
