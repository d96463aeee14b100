package vaultapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/hashicorp/vault/api"
)

// reply is what is used of Vault's answer around its data.
type reply struct {
	requestID string
	warnings  []string
	auth      *api.SecretAuth
	hasData   bool
}

var (
	errNotObject = errors.New("not a JSON object")
	errNoData    = errors.New("an answer without data")
)

// decodeReply reads one answer and decodes its "data" straight into out: a
// batch of signatures is not worth an intermediate copy. Unknown fields are
// ignored, for Vault adds some with every version.
func decodeReply(body io.Reader, out any) (reply, error) {
	var r reply
	dec := json.NewDecoder(body)
	dec.UseNumber()
	if t, err := dec.Token(); err != nil {
		return r, fmt.Errorf("reading: %w", err)
	} else if t != json.Delim('{') {
		return r, errNotObject
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return r, fmt.Errorf("reading a field's name: %w", err)
		}
		if err := r.field(dec, key, out); err != nil {
			return r, fmt.Errorf("reading field %v: %w", key, err)
		}
	}
	if _, err := dec.Token(); err != nil {
		return r, fmt.Errorf("reading the end: %w", err)
	}
	return r, nil
}

func (r *reply) field(dec *json.Decoder, key json.Token, out any) error {
	switch key {
	case "request_id":
		return dec.Decode(&r.requestID)
	case "warnings":
		return dec.Decode(&r.warnings)
	case "auth":
		return dec.Decode(&r.auth)
	case "data":
		if out != nil {
			// Through an interface that holds out, null shows: it empties the interface.
			data := out
			err := dec.Decode(&data)
			r.hasData = data != nil
			return err
		}
	}
	var ignored json.RawMessage
	return dec.Decode(&ignored)
}
