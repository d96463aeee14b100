package loadgen

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		raw    string
		status int
		body   string // of the last; empty for an error
	}{
		"a length":           {"HTTP/1.1 200 OK\r\ncontent-length:  2\t\r\nX: y\r\n\r\nab", 200, "ab"},
		"no reason":          {"HTTP/1.1 404\r\nContent-Length: 1\r\n\r\na", 404, "a"},
		"chunks":             {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\nA\r\n0123456789\r\n0\r\n\r\n", 200, "ab0123456789"},
		"one after another":  {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 503 No\r\nContent-Length: 1\r\n\r\nx", 503, "x"},
		"HTTP/1.0":           {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", 0, ""},
		"no end":             {"HTTP/1.1 200 OK\r\n\r\na", 0, ""},
		"two ends":           {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", 0, ""},
		"two lengths":        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 0, ""},
		"a signed length":    {"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na", 0, ""},
		"too long":           {"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\na", 0, ""},
		"cut off":            {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na", 0, ""},
		"gzip":               {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\na", 0, ""},
		"a chunk runs over":  {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", 0, ""},
		"no body":            {"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", 0, ""},
		"no colon":           {"HTTP/1.1 200 OK\r\nContent-Length 1\r\n\r\na", 0, ""},
		"a line without CR":  {"HTTP/1.1 200 OK\nContent-Length: 1\r\n\r\na", 0, ""},
		"nothing":            {"", 0, ""},
		"another's protocol": {"+PONG\r\n", 0, ""},
	} {
		r := reader{in: bufio.NewReader(strings.NewReader(c.raw))}
		status, body, err := r.next()
		for err == nil && r.in.Buffered() > 0 {
			status, body, err = r.next()
		}
		if (err == nil) != (c.body != "") || err == nil && (status != c.status || string(body) != c.body) {
			t.Errorf("%s: %d %q, %v", name, status, body, err)
		}
	}
}

// FuzzAnswer: what is read here, net/http reads the same.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"))
	f.Add([]byte("HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := reader{in: bufio.NewReader(bytes.NewReader(raw))}
		status, body, err := r.next()
		if err != nil {
			if !errors.Is(err, errMalformed) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, bufio.ErrBufferFull) {
				t.Fatalf("an error that is none of the reader's: %v", err)
			}
			return
		}
		resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(raw)), nil)
		if err != nil {
			return // net/http is stricter about header fields that are not looked at here
		}
		defer func() { _ = resp.Body.Close() }()
		want, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != status || !bytes.Equal(want, body) {
			t.Fatalf("%d %q, net/http: %d %q, %v", status, body, resp.StatusCode, want, err)
		}
	})
}
