package loadgen

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Target is who is asked.
type Target struct {
	// Addr is host:port of plain HTTP.
	Addr string
	// Others are more of them: the connections go to all in turn.
	Others []string
	// NewCaller begins the conversation of one connection.
	NewCaller func() Caller
}

// Caller makes the requests of one connection, one after another. It is given
// the body of the answer to the one before (nil at first), which is valid until
// it returns, and returns the next request, whole as it goes over the wire.
type Caller func(answer []byte) (request []byte, err error)

// conn is one kept connection.
type conn struct {
	net.Conn
	answers reader
	call    Caller
	answer  []byte
	refused int // answers 503 so far
}

// patience is how long answers may be late at the end of a run.
const patience = 30 * time.Second

// dial opens n connections, whose exchanges all end by the deadline, or when
// the context does.
func dial(ctx context.Context, t Target, n int, deadline time.Time) (conns []*conn, hangUp func(), err error) {
	closeAll := func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}
	var dialer net.Dialer
	addrs := append([]string{t.Addr}, t.Others...)
	for i := range n {
		tcp, err := dialer.DialContext(ctx, "tcp", addrs[i%len(addrs)])
		if err == nil {
			err = tcp.SetDeadline(deadline)
		}
		if err != nil {
			closeAll()
			return nil, nil, fmt.Errorf("connecting: %w", err)
		}
		conns = append(conns, &conn{Conn: tcp, call: t.NewCaller(), answers: reader{in: bufio.NewReaderSize(tcp, 8<<10)}})
	}
	stop := context.AfterFunc(ctx, closeAll)
	return conns, func() { stop(); closeAll() }, nil
}

// prepare makes the next request. It is not part of the exchange's time.
func (c *conn) prepare() ([]byte, error) { return c.call(c.answer) }

// exchange wants 200: a measurement of errors measures nothing. A server that says
// that it has too much to do (503) gets the same request again, without a pause,
// and the time goes on.
func (c *conn) exchange(request []byte) error {
	for {
		if _, err := c.Write(request); err != nil {
			return fmt.Errorf("sending a request: %w", err)
		}
		status, body, err := c.answers.next()
		switch {
		case err != nil:
			return err
		case status == http.StatusServiceUnavailable:
			c.refused++
		case status != http.StatusOK:
			return fmt.Errorf("answered with status %d: %.300s", status, body)
		default:
			c.answer = body
			return nil
		}
	}
}

// Once sends one request over a connection of its own and returns the answer's body.
func Once(ctx context.Context, addr string, request []byte) ([]byte, error) {
	target := Target{Addr: addr, NewCaller: func() Caller { return nil }}
	conns, hangUp, err := dial(ctx, target, 1, time.Now().Add(patience))
	if err != nil {
		return nil, err
	}
	defer hangUp()
	err = conns[0].exchange(request)
	return conns[0].answer, err
}
