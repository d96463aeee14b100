package vaultkeys

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"

	"signet/signer"
	"signet/vaultkeys/vaultapi"
)

// batchRequest is the body of transit/sign and transit/hmac with batch_input.
// Every parameter is a JSON string: Vault's policy compares only strings, and
// lets a number past. The two endpoints
// name the hash differently.
type batchRequest struct {
	KeyVersion          string       `json:"key_version"`
	HashAlgorithm       string       `json:"hash_algorithm,omitempty"`
	Algorithm           string       `json:"algorithm,omitempty"` // transit/hmac's name for it
	SignatureAlgorithm  string       `json:"signature_algorithm,omitempty"`
	SaltLength          string       `json:"salt_length,omitempty"`
	MarshalingAlgorithm string       `json:"marshaling_algorithm,omitempty"`
	Prehashed           string       `json:"prehashed,omitempty"`
	BatchInput          []batchInput `json:"batch_input"`
}

type batchInput struct {
	Input     []byte `json:"input"` // JSON makes it the standard base64 that Vault wants
	Reference string `json:"reference"`
}

// batchReply is the "data" of the answer.
type batchReply struct {
	Results []batchResult `json:"batch_results"`
}

// batchResult is one item of it: signature and key_version from transit/sign,
// hmac from transit/hmac, which does not tell the version but in the prefix.
type batchResult struct {
	Signature  string `json:"signature"`
	HMAC       string `json:"hmac"`
	KeyVersion int    `json:"key_version"`
	Error      string `json:"error"`
	Reference  string `json:"reference"`
}

// newBatchRequest asks for the signatures of items, which all belong to l.
func newBatchRequest(l laneKey, items []*item) *batchRequest {
	params := ParamsOf(l.alg, 0)
	req := &batchRequest{
		KeyVersion:          strconv.Itoa(l.version),
		HashAlgorithm:       params.HashAlgorithm,
		SignatureAlgorithm:  params.SignatureAlgorithm,
		SaltLength:          params.SaltLength,
		MarshalingAlgorithm: params.MarshalingAlgorithm,
		BatchInput:          make([]batchInput, len(items)),
	}
	if params.Prehashed {
		req.Prehashed = "true"
	}
	if l.alg.Symmetric() {
		req.Algorithm, req.HashAlgorithm = params.HashAlgorithm, ""
	}
	for i, it := range items {
		req.BatchInput[i] = batchInput{Input: it.sent, Reference: it.reference}
	}
	return req
}

// errFaulty: Vault's reply is not an answer to what was asked, so nothing in
// it is trusted.
var errFaulty = errors.New("faulty reply from Vault")

// results reads a reply: each item's signature, or its own refusal. An error
// means that the reply as a whole is discarded. Nothing is verified yet.
func (r *batchReply) results(l laneKey, items []*item) ([]result, error) {
	if len(r.Results) != len(items) {
		return nil, fmt.Errorf("%w: %d results for %d inputs", errFaulty, len(r.Results), len(items))
	}
	out := make([]result, len(items))
	for i := range r.Results {
		got := &r.Results[i]
		if got.Reference != items[i].reference {
			return nil, fmt.Errorf("%w: item %d echoes another reference", errFaulty, i)
		}
		if got.Error != "" {
			out[i].err = itemError(got.Error)
			continue
		}
		sig, err := got.signature(l, items[i].req.Key)
		if err != nil {
			return nil, fmt.Errorf("%w: item %d: %w", errFaulty, i, err)
		}
		out[i].sig = sig
	}
	return out, nil
}

func (r *batchResult) signature(l laneKey, key signer.Key) ([]byte, error) {
	text := r.Signature
	if l.alg.Symmetric() {
		text = r.HMAC
	} else if r.KeyVersion != l.version {
		return nil, fmt.Errorf("key_version %d instead of %d", r.KeyVersion, l.version)
	}
	version, sig, err := parseSignature(text, signatureEncoding(l.alg))
	if err != nil {
		return nil, err
	}
	if version != l.version {
		return nil, fmt.Errorf("prefix of version %d instead of %d", version, l.version)
	}
	want, err := signer.SignatureSize(key)
	if err != nil {
		return nil, err
	}
	if len(sig) != want {
		return nil, fmt.Errorf("a signature of %d bytes instead of %d", len(sig), want)
	}
	return sig, nil
}

// verify checks locally one of the signatures, or all of them. Which one is
// drawn: with a count, traffic of a regular shape would keep some places
// unchecked for ever. What it cannot check, an HMAC, passes: its key is in Vault
// alone.
func verify(items []*item, results []result, all bool) error {
	var signed []int
	for i := range results {
		if results[i].err == nil && !items[i].req.Key.Algorithm.Symmetric() {
			signed = append(signed, i)
		}
	}
	if len(signed) == 0 {
		return nil
	}
	if !all {
		one := rand.IntN(len(signed)) //nolint:gosec // G404: Vault cannot see the draw before it answers
		signed = signed[one : one+1]
	}
	for _, i := range signed {
		if err := signer.CheckSignature(items[i].req.Key, items[i].req.Input, results[i].sig); err != nil {
			return fmt.Errorf("%w: item %d: %w", errFaulty, i, err)
		}
	}
	return nil
}

// itemError is a refusal of one item inside a reply with status 200, of which
// vaultapi sees nothing.
func itemError(text string) error {
	if vaultapi.VersionRefused(text) {
		return fmt.Errorf("%w: Vault: %s", signer.ErrVersionRefused, text)
	}
	return fmt.Errorf("%w: Vault: %s", signer.ErrUnavailable, text)
}
