package loadgen

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// maxBody is more than any answer that is measured, in bytes.
const maxBody = 16 << 20

var errMalformed = errors.New("the answer is not the HTTP/1.1 that is understood here")

// reader cuts a stream of answers into status and body (RFC 9112). It knows
// Content-Length and chunked bodies; an answer without either is refused, for
// where it ends only the end of the connection would tell.
type reader struct {
	in   *bufio.Reader
	body []byte
}

// next reads one answer. The body is valid until the next call.
func (r *reader) next() (status int, body []byte, err error) {
	if status, err = r.statusLine(); err != nil {
		return 0, nil, err
	}
	length, chunked, err := r.framing()
	if err != nil {
		return 0, nil, err
	}
	r.body = r.body[:0]
	if chunked {
		err = r.chunks()
	} else {
		err = r.read(length)
	}
	return status, r.body, err
}

// statusLine wants an answer that has a body: not 1xx, 204 or 304.
func (r *reader) statusLine() (int, error) {
	line, err := r.line()
	if err != nil {
		return 0, err
	}
	rest, ok := bytes.CutPrefix(line, []byte("HTTP/1.1 "))
	if !ok || len(rest) < 3 || len(rest) > 3 && rest[3] != ' ' {
		return 0, fmt.Errorf("%w: it begins with %q", errMalformed, line)
	}
	status, err := number(rest[:3], 10)
	if err != nil || status < 200 || status == 204 || status == 304 {
		return 0, fmt.Errorf("%w: status %q", errMalformed, rest)
	}
	return status, nil
}

// framing reads the header fields and finds how the body ends.
func (r *reader) framing() (length int, chunked bool, err error) {
	length = -1
	for {
		line, err := r.line()
		if err != nil {
			return 0, false, err
		}
		if len(line) == 0 {
			break
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			return 0, false, fmt.Errorf("%w: header field %q", errMalformed, line)
		}
		value = bytes.Trim(value, " \t")
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length >= 0 {
				return 0, false, fmt.Errorf("%w: two lengths", errMalformed)
			}
			if length, err = number(value, 10); err != nil {
				return 0, false, err
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			if chunked || !bytes.Equal(value, []byte("chunked")) {
				return 0, false, fmt.Errorf("%w: transfer encoding %q", errMalformed, value)
			}
			chunked = true
		}
	}
	if chunked == (length >= 0) {
		return 0, false, fmt.Errorf("%w: one of length and chunks says where a body ends", errMalformed)
	}
	return length, chunked, nil
}

// chunks reads a chunked body without trailer fields.
func (r *reader) chunks() error {
	for {
		line, err := r.line()
		if err != nil {
			return err
		}
		n, err := number(line, 16)
		if err != nil {
			return err
		}
		if n > 0 {
			if err := r.read(n); err != nil {
				return err
			}
		}
		switch line, err := r.line(); {
		case err != nil:
			return err
		case len(line) > 0:
			return fmt.Errorf("%w: %q after a chunk", errMalformed, line)
		case n == 0:
			return nil
		}
	}
}

// read adds n bytes to the body.
func (r *reader) read(n int) error {
	have := len(r.body)
	if have+n > maxBody {
		return fmt.Errorf("%w: a body of more than %d bytes", errMalformed, maxBody)
	}
	if cap(r.body) < have+n {
		r.body = append(make([]byte, 0, 2*(have+n)), r.body...)
	}
	r.body = r.body[:have+n]
	if _, err := io.ReadFull(r.in, r.body[have:]); err != nil {
		return fmt.Errorf("reading a body: %w", err)
	}
	return nil
}

// line reads to the next CR LF, which it leaves out.
func (r *reader) line() ([]byte, error) {
	line, err := r.in.ReadSlice('\n')
	if err != nil {
		return nil, fmt.Errorf("reading an answer: %w", err)
	}
	line, ok := bytes.CutSuffix(line, []byte("\r\n"))
	if !ok {
		return nil, fmt.Errorf("%w: a line ends without CR", errMalformed)
	}
	return line, nil
}

// number takes digits only: no sign, no underscore, at most maxBody.
func number(digits []byte, base int) (int, error) {
	n, err := strconv.ParseUint(string(digits), base, 31)
	if err != nil || n > maxBody {
		return 0, fmt.Errorf("%w: number %q", errMalformed, digits)
	}
	return int(n), nil
}
