package auditing_test

import (
	"fmt"
	"net/http"
	"testing"

	"signet/integration"
)

// TestListIsTraced: the tokens of a list are in Vault's log as any others are,
// each exactly once, and agree with the records.
func TestListIsTraced(t *testing.T) {
	if !integration.OnlyOn(t, integration.Process, integration.Docker) {
		return // the audit log of somebody else's Vault cannot be read
	}
	stack := integration.New(t, &integration.Options{Audit: true, InitFlags: ways["clear"], Times: &times, LogLevel: "warn"})
	var requests []map[string]any
	for i := range 1000 {
		requests = append(requests, map[string]any{"subject": fmt.Sprintf("user:%d", i), "refresh": i%10 == 0})
	}
	r := stack.Signet(0).PostJSON(t, "/v1/tokens", stack.Demo, map[string]any{"tokens": requests}).Want(t, http.StatusOK)
	items, _ := r.JSON["tokens"].([]any)
	var all []issued
	for _, item := range items {
		answer, _ := item.(map[string]any)
		token, ok := answer["access_token"].(string)
		if !ok {
			t.Fatalf("item %v", item)
		}
		all = append(all, issued{token: token, grant: "issue"})
	}
	if len(all) != len(requests) {
		t.Fatalf("%d tokens", len(all))
	}
	newAuditor(t, stack).wantNothing(t, "after the list")
	traced(t, stack, all)
}
