// Package refreshtest is the conformance suite of refresh.Store: the same
// promises, held against whichever Redis the harness brings.
//
//	refreshtest.Run(t, func(t *testing.T) refreshtest.Harness { ... })
//
// It is not the place for faults of a real network; those are in integration.
package refreshtest
