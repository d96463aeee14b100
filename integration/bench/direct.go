package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"

	"signet/signer"
	"signet/vaultkeys"
)

// batchSize is how many signatures a request for several asks for, the most that
// Signet does, and batchConnections how many connections send such requests.
const (
	batchSize        = 128
	batchConnections = 4
)

// vaultSignature begins every signature of the version that is asked for.
const vaultSignature = `"signature":"vault:v1:`

// addDirect are signatures asked of Vault with the parameters and the Vault token
// that Signet has, so that only what Signet adds and saves is the difference.
func addDirect(ctx context.Context, s *stack, all map[string]series) error {
	vault := s.host("VAULT_ADDR")
	for name, ring := range map[string]struct {
		name      string
		algorithm signer.Algorithm
	}{
		direct:      {"signet-es256", signer.ES256},
		directEdDSA: {"signet-eddsa", signer.EdDSA},
		directRS256: {"signet-rs256", signer.RS256},
	} {
		params := vaultkeys.ParamsOf(ring.algorithm, 0)
		body := signBody(params)
		body["input"] = input(params, 0)
		request, err := s.toVault(ctx, "transit/sign/"+ring.name, s.vaultToken, body)
		if err != nil {
			return err
		}
		all[name] = one(vault, request, vaultSignature)
	}
	return s.addBatches(ctx, all)
}

func (s *stack) addBatches(ctx context.Context, all map[string]series) error {
	params := vaultkeys.ParamsOf(signer.ES256, 0)
	var items []map[string]string
	for i := range batchSize {
		items = append(items, map[string]string{"input": input(params, i), "reference": fmt.Sprintf("0123456789012345678%03d", i)})
	}
	body := signBody(params)
	body["batch_input"] = items
	request, err := s.toVault(ctx, "transit/sign/signet-es256", s.vaultToken, body)
	all[batches] = several(s.host("VAULT_ADDR"), request, vaultSignature, batchSize)
	return err
}

// signBody has every parameter that the issuer's policy wants, as a text
// (https://developer.hashicorp.com/vault/api-docs/secret/transit#sign-data).
func signBody(p vaultkeys.TransitParams) map[string]any {
	body := map[string]any{"key_version": "1", "marshaling_algorithm": p.MarshalingAlgorithm}
	for name, value := range map[string]string{"hash_algorithm": p.HashAlgorithm, "signature_algorithm": p.SignatureAlgorithm} {
		if value != "" {
			body[name] = value
		}
	}
	if p.Prehashed {
		body["prehashed"] = "true"
	}
	return body
}

// input is as long as what Signet has signed: a digest, or where the algorithm
// hashes itself, a token's header and payload.
func input(p vaultkeys.TransitParams, i int) string {
	length := 32
	if !p.Prehashed {
		length = 460
	}
	raw := bytes.Repeat([]byte{7}, length)
	raw[0] = byte(i)
	return base64.StdEncoding.EncodeToString(raw)
}
