package vaultapi

import (
	"bytes"
	"net/http"
	"sync"
)

// UsualReader is an out that reads the usual form of its data without
// encoding/json, which for signatures by the batch costs as much as all else that
// is done with them.
type UsualReader interface {
	// ReadUsual reads data, the whole JSON value, and says whether it could. If
	// not, encoding/json reads it. It must keep nothing of data, and what it read must
	// be what encoding/json would have read.
	ReadUsual(data []byte) bool
}

// bodies are buffers for answers; those of batches are some 20 kB.
var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// maxKept bounds a buffer that is used again.
const maxKept = 256 << 10

// readUsual reads an answer whose data has a usual form.
func readUsual(resp *http.Response, out UsualReader) (reply, error) {
	body := bodies.Get().(*bytes.Buffer) //nolint:forcetypeassert // nothing else is put there
	defer func() {
		if body.Cap() <= maxKept {
			body.Reset()
			bodies.Put(body)
		}
	}()
	if _, err := body.ReadFrom(http.MaxBytesReader(nil, resp.Body, maxAnswer)); err != nil {
		return reply{}, err //nolint:wrapcheck // the caller says what was read
	}
	if id, data, ok := usualAnswer(body.Bytes()); ok && out.ReadUsual(data) {
		return reply{requestID: string(id), hasData: true}, nil
	}
	return decodeAnswer(body, resp.ContentLength, out)
}

// What Vault writes around the data of an answer that has nothing but data, in
// the order of the members of its logical.HTTPResponse.
var (
	beforeID   = []byte(`{"request_id":"`)
	beforeData = []byte(`","lease_id":"","renewable":false,"lease_duration":0,"data":`)
	afterData  = []byte(`,"wrap_info":null,"warnings":null,"auth":null`)
	mountType  = []byte(`,"mount_type":"transit"`) // since Vault 1.17
)

// usualAnswer takes an answer apart that is written byte for byte like this. What
// it gives for data is one JSON value only if whoever reads it says so.
func usualAnswer(body []byte) (id, data []byte, ok bool) {
	rest, ok := bytes.CutPrefix(bytes.TrimSuffix(body, []byte{'\n'}), beforeID)
	if !ok || len(rest) < requestIDLen || !isRequestID(rest[:requestIDLen]) {
		return nil, nil, false
	}
	id = rest[:requestIDLen]
	if data, ok = bytes.CutPrefix(rest[requestIDLen:], beforeData); !ok {
		return nil, nil, false
	}
	if data, ok = bytes.CutSuffix(data, []byte{'}'}); !ok {
		return nil, nil, false
	}
	data, ok = bytes.CutSuffix(bytes.TrimSuffix(data, mountType), afterData)
	return id, data, ok
}

const requestIDLen = len("78d99faf-5b00-d0d5-5faf-ad8425ae7ee8")

// isRequestID says whether b may stand in a JSON string as it is.
func isRequestID(b []byte) bool {
	for _, c := range b {
		if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
