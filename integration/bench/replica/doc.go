// Package replica starts more Signets on a stack whose first one has a configuration
// already: each gets a copy of it with what has to differ.
package replica
