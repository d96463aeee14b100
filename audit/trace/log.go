package trace

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"signet/audit/vaultlog"
)

// Hasher finds how values stand in a hashed log; *audithash.Hasher fits it.
type Hasher interface {
	// All are the hashes of values, in their order.
	All(ctx context.Context, values []string) ([]string, error)
}

// search is one reading of Vault's log for several values at once.
type search struct {
	hasher  Hasher
	inputs  map[string]string // what stands in the log, to the clear value
	refs    map[string]string
	clear   []string // inputs, then references
	nInputs int

	hashed  bool                   // a hashed value was met, and the values were hashed
	hashErr error                  // they could not be
	found   map[string][]Signature // by clear input
	byRef   map[string][]Signature // by clear reference; those of another input too
}

func newSearch(h Hasher, inputs, refs []string) *search {
	s := &search{
		hasher: h, inputs: map[string]string{}, refs: map[string]string{}, nInputs: len(inputs),
		clear: append(append([]string{}, inputs...), refs...), found: map[string][]Signature{}, byRef: map[string][]Signature{},
	}
	s.know(s.clear)
	return s
}

// know makes values known under which the clear ones stand in the log.
func (s *search) know(shown []string) {
	for i, v := range shown {
		if i < s.nInputs {
			s.inputs[v] = s.clear[i]
		} else {
			s.refs[v] = s.clear[i]
		}
	}
}

// errNoVault is for a hashed log and no way to ask.
var errNoVault = errors.New("values in Vault's log are hashed, and without a Vault nobody can tell what they stand for")

// entry looks at the items of a request.
func (s *search) entry(ctx context.Context, e *vaultlog.Entry) error {
	for i := range e.Items {
		it := &e.Items[i]
		if !s.hashed && (vaultlog.Hashed(it.Input) || vaultlog.Hashed(it.Reference)) {
			if err := s.hash(ctx); err != nil {
				return err
			}
		}
		input, byInput := s.inputs[string(it.Input)]
		ref, byRef := s.refs[string(it.Reference)]
		if !byInput && !byRef {
			continue
		}
		sig := signature(e, i)
		switch {
		case byInput && byRef:
			sig.By = ByBoth
		case byInput:
			sig.By = ByInput
		default:
			sig.By = ByReference
		}
		if byInput {
			s.found[input] = append(s.found[input], sig)
		}
		if byRef {
			s.byRef[ref] = append(s.byRef[ref], sig)
		}
	}
	return nil
}

// hash asks once. A failure is kept: what is clear may still be found.
func (s *search) hash(ctx context.Context) error {
	s.hashed = true
	if s.hasher == nil {
		s.hashErr = errNoVault
		return nil
	}
	shown, err := s.hasher.All(ctx, s.clear)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		s.hashErr = fmt.Errorf("values in Vault's log are hashed: %w", err)
		return nil
	}
	s.know(shown)
	return nil
}

// signature copies what is to be kept of an item.
func signature(e *vaultlog.Entry, i int) Signature {
	it := &e.Items[i]
	sig := Signature{
		Time: e.Time, RequestID: e.ID, Path: e.Path, Key: e.Key, KeyVersion: it.KeyVersion,
		Item: i + 1, Items: len(e.Items), Error: strings.Join(strings.Fields(e.Error), " "), Result: ResultRefused,
		Accessor: e.Auth.Accessor, EntityID: e.Auth.EntityID, DisplayName: e.Auth.DisplayName, Policies: e.Auth.Policies,
		RemoteAddr: e.RemoteAddr, RemotePort: e.RemotePort, File: e.File, Line: e.Line,
	}
	switch {
	case !e.Answered:
		sig.Result = ResultNoAnswer
	case it.Signed && e.Error == "":
		sig.Result = ResultSigned
	}
	return sig
}
