package vaultlog

import "encoding/json"

// fields are what a line says, as far as anybody wants to know, before it is
// judged. Both parsers fill them, and to the same effect. A text is nil where
// the line has none.
type fields struct {
	kind, time, err []byte
	hasRequest      bool

	id, operation, path, namespace []byte
	mountPoint, mountType          []byte
	remoteAddr, remotePort         []byte

	accessor, entityID, displayName, tokenType []byte
	policies                                   json.RawMessage

	request  request
	response response
}

// request is what request.data says.
type request struct {
	data                         json.RawMessage
	input, reference, keyVersion []byte
	batch                        bool // batch_input is an array
	inputs                       []input
}

type input struct{ input, reference []byte }

// response is what response.data says.
type response struct {
	data    json.RawMessage
	single  output
	batch   bool // batch_results is an array
	results []output
}

type output struct{ signature, mac, keyVersion, err []byte }

// reset keeps the memory of the lists.
func (f *fields) reset() {
	*f = fields{
		request:  request{inputs: f.request.inputs[:0]},
		response: response{results: f.response.results[:0]},
	}
}
