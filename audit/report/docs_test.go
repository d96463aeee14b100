package report_test

import (
	"os"
	"strings"
	"testing"

	"signet/audit/report"
)

func TestDocsNameAllDimensions(t *testing.T) {
	docs, err := os.ReadFile("../../docs/audit-report.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range report.DimensionNames {
		if !strings.Contains(string(docs), "`"+name+"`") {
			t.Errorf("docs/audit-report.md does not name %s", name)
		}
	}
}
