package vaultlog

import (
	"encoding/json"
	"errors"
)

var errNoJSON = errors.New("no JSON")

// slow reads a line by encoding/json: whatever [fields.fast] leaves. Names are
// compared exactly, as Vault does, so it decodes into maps and not into structs.
func (f *fields) slow(line []byte) error {
	f.reset()
	var top map[string]json.RawMessage
	if err := json.Unmarshal(line, &top); err != nil {
		return errNoJSON
	}
	f.kind, f.time, f.err = textOf(top["type"]), textOf(top["time"]), textOf(top["error"])

	req := object(top["request"])
	f.hasRequest = req != nil
	f.id, f.operation, f.path = textOf(req["id"]), textOf(req["operation"]), textOf(req["path"])
	f.namespace = textOf(object(req["namespace"])["path"])
	f.mountPoint, f.mountType = textOf(req["mount_point"]), textOf(req["mount_type"])
	f.remoteAddr, f.remotePort = textOf(req["remote_address"]), textOf(req["remote_port"])
	f.request.slow(req["data"])

	auth := object(top["auth"])
	f.accessor, f.entityID = textOf(auth["accessor"]), textOf(auth["entity_id"])
	f.displayName, f.tokenType = textOf(auth["display_name"]), textOf(auth["token_type"])
	f.policies = auth["policies"]

	f.response.slow(object(top["response"])["data"])
	return nil
}

func (r *request) slow(raw json.RawMessage) {
	r.data = raw
	data := object(raw)
	r.input, r.reference, r.keyVersion = textOf(data["input"]), textOf(data["reference"]), textOf(data["key_version"])
	var items []json.RawMessage
	items, r.batch = array(data["batch_input"])
	for _, one := range items {
		item := object(one)
		r.inputs = append(r.inputs, input{textOf(item["input"]), textOf(item["reference"])})
	}
}

func (r *response) slow(raw json.RawMessage) {
	r.data = raw
	data := object(raw)
	r.single = outputOf(data)
	var items []json.RawMessage
	items, r.batch = array(data["batch_results"])
	for _, one := range items {
		r.results = append(r.results, outputOf(object(one)))
	}
}

func outputOf(m map[string]json.RawMessage) output {
	return output{
		signature: textOf(m["signature"]), mac: textOf(m["hmac"]),
		keyVersion: textOf(m["key_version"]), err: textOf(m["error"]),
	}
}

// object is a JSON object, nil for every other value.
func object(raw json.RawMessage) map[string]json.RawMessage {
	if len(raw) == 0 || raw[0] != '{' {
		return nil
	}
	var m map[string]json.RawMessage
	if json.Unmarshal(raw, &m) != nil {
		return nil // cannot happen: raw is valid
	}
	return m
}

// array is a JSON array, and whether the value is one.
func array(raw json.RawMessage) ([]json.RawMessage, bool) {
	if len(raw) == 0 || raw[0] != '[' {
		return nil, false
	}
	var all []json.RawMessage
	err := json.Unmarshal(raw, &all)
	return all, err == nil
}
