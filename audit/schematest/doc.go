// Package schematest holds issuance records to the schema in docs/, in the tests
// of whatever writes some.
package schematest
