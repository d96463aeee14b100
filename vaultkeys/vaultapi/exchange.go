package vaultapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/hashicorp/vault/api"
)

// maxAnswer bounds an answer; Vault takes no larger request either.
const maxAnswer = 32 << 20

// call is one request.
type call struct {
	op, method, path string
	in, out          any
	token            string
	secrets          []string // besides the token: never to be shown
}

// do sends one request once, with the timeout of the Conn, and classifies
// whatever comes of it.
func (c *Conn) do(ctx context.Context, k call) (Meta, reply, error) {
	start := time.Now()
	inner, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	meta, r, v, err := c.exchange(inner, k)
	if err != nil && ctx.Err() != nil {
		v.result = resultCanceled // the caller left, or had less time than we
	}
	c.metrics.request(operation(k), v.result, time.Since(start))
	if len(r.warnings) > 0 {
		c.log.DebugContext(ctx, "vault warns", "path", k.path, "warnings", clean(r.warnings, append(k.secrets, k.token)))
	}
	return meta, r, err
}

func (c *Conn) exchange(ctx context.Context, k call) (Meta, reply, verdict, error) {
	fail := func(status int, v verdict, messages ...string) error {
		e := &Error{Op: k.op, Path: k.path, Status: status, Messages: clean(messages, append(k.secrets, k.token)), kind: v.kind}
		switch v.result {
		case resultTimeout: // ctx may be a moment later than the transport's own clock
			e.cause = context.DeadlineExceeded
		case resultCanceled:
			e.cause = ctx.Err()
		}
		return e
	}
	var body []byte
	if k.in != nil {
		var err error
		if body, err = json.Marshal(k.in); err != nil {
			v := verdict{ErrBadRequest, resultBadRequest}
			return Meta{}, reply{}, v, fail(0, v, "encoding the request: "+err.Error())
		}
	}
	resp, err := c.send(ctx, k, body)
	if err != nil {
		v := transportVerdict(ctx, err)
		return Meta{}, reply{}, v, fail(0, v, err.Error())
	}
	defer func() { _ = resp.Body.Close() }() // what was read decides; closing adds nothing
	meta := metaOf(resp.Header)
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		raw, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // a cut body is not spoken
		messages, spoken := parseErrors(raw)
		v := classify(k.path, resp.StatusCode, messages, spoken)
		return meta, reply{}, v, fail(resp.StatusCode, v, messages...)
	}
	r, err := readReply(resp, k.out)
	meta.RequestID = r.requestID
	if err != nil {
		v := verdict{ErrMalformed, resultMalformed}
		if ctx.Err() != nil {
			v = transportVerdict(ctx, err)
		}
		return meta, r, v, fail(resp.StatusCode, v, "reading the answer: "+err.Error())
	}
	return meta, r, verdict{nil, resultOK}, nil
}

// readReply decodes the body and reads it to its end, so that the connection
// can be used again.
func readReply(resp *http.Response, out any) (reply, error) {
	if resp.StatusCode == http.StatusNoContent {
		return reply{}, wanted(reply{}, out)
	}
	if usual, ok := out.(UsualReader); ok {
		return readUsual(resp, usual)
	}
	body := http.MaxBytesReader(nil, resp.Body, maxAnswer)
	r, err := decodeAnswer(body, resp.ContentLength, out)
	if err == nil {
		_, _ = io.CopyN(io.Discard, body, 4<<10) // best effort
	}
	return r, err
}

// decodeAnswer decodes a body of so many bytes, if that is known.
func decodeAnswer(body io.Reader, length int64, out any) (reply, error) {
	r, err := decodeReply(body, out)
	if errors.Is(err, io.EOF) && length == 0 {
		err = nil // 200 with nothing in it says no more than 204
	}
	if err != nil {
		return r, err
	}
	return r, wanted(r, out)
}

// wanted is an error if data was wanted and there is none.
func wanted(r reply, out any) error {
	if out != nil && !r.hasData {
		return errNoData
	}
	return nil
}

// send performs the request and follows the one redirect of a standby. It goes
// below http.Client, which follows more, and shows the Location in its errors.
func (c *Conn) send(ctx context.Context, k call, body []byte) (*http.Response, error) {
	target, err := endpoint(c.base, k.path)
	if err != nil {
		return nil, err
	}
	for hop := 0; ; hop++ {
		req, err := http.NewRequestWithContext(ctx, k.method, target.String(), bytes.NewReader(body))
		if err != nil {
			return nil, errPath
		}
		if body == nil {
			req.Body, req.GetBody = nil, nil
		}
		c.setHeaders(req, k)
		resp, err := c.transport.RoundTrip(req)
		if err != nil || resp.StatusCode != http.StatusTemporaryRedirect || hop > 0 {
			return resp, err
		}
		target, err = redirected(target, k.path, resp.Header.Get("Location"))
		_, _ = io.CopyN(io.Discard, resp.Body, 4<<10) // best effort, to keep the connection
		_ = resp.Body.Close()                         // nothing in it is wanted
		if err != nil {
			return nil, err
		}
	}
}

func (c *Conn) setHeaders(req *http.Request, k call) {
	req.Header.Set(api.RequestHeaderName, "true") // proxies and agents demand it against request forgery
	if k.in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.namespace != "" {
		req.Header.Set(api.NamespaceHeaderName, c.namespace)
	}
	if k.token != "" {
		req.Header.Set(api.AuthHeaderName, k.token)
	}
	if operation(k) == opVerify {
		// It changes nothing, so net/http may send it again when an idle connection
		// turns out to be closed. Without a value the header is not sent. What signs
		// is never sent again unseen: each signature in Vault's log has a record.
		req.Header["Idempotency-Key"] = nil
	}
}

func transportVerdict(ctx context.Context, err error) verdict {
	switch {
	case errors.Is(err, errPath):
		return verdict{ErrBadRequest, resultBadRequest}
	case errors.Is(ctx.Err(), context.Canceled):
		return verdict{ErrUnavailable, resultCanceled}
	case ctx.Err() != nil, isTimeout(err):
		return verdict{ErrUnavailable, resultTimeout}
	}
	return verdict{ErrUnavailable, resultUnavailable}
}

// isTimeout knows the deadlines below the context's: dialing and the TLS handshake.
func isTimeout(err error) bool {
	var timed interface{ Timeout() bool }
	return errors.As(err, &timed) && timed.Timeout()
}

func metaOf(h http.Header) Meta {
	var m Meta
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		m.Date = date
	}
	return m
}
