package schematest

import (
	"bytes"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Check fails the test for every line that is no record by
// docs/audit-record.v1.schema.json.
func Check(t testing.TB, lines []byte) {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	schema, err := jsonschema.NewCompiler().Compile(filepath.Join(filepath.Dir(here), "../../docs/audit-record.v1.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(lines) {
		record, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
		if err == nil {
			err = schema.Validate(record)
		}
		if err != nil {
			t.Errorf("not by the schema: %s%v", line, err)
		}
	}
}
