package sharedstate

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"syscall"
)

// watched is a TLS connection of which the pool can tell that the server closed
// it. go-redis looks at the socket of each connection that it takes from the
// pool, but not through TLS: after a restart of the server, or ACL LOAD, every
// connection in the pool would fail one caller.
type watched struct{ *tls.Conn }

func watch(conn *tls.Conn) net.Conn { return watched{conn} }

var errClosing = errors.New("the server closes this connection")

// SyscallConn is the socket, unless the server has ended the connection, or said
// something that nobody asked for: over TLS that is a farewell.
func (w watched) SyscallConn() (syscall.RawConn, error) {
	socket, ok := w.NetConn().(syscall.Conn)
	if !ok {
		return nil, errClosing
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil, err
	}
	var found error
	err = raw.Read(func(fd uintptr) bool {
		n, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		switch {
		case n > 0:
			found = errClosing
		case err == nil:
			found = io.EOF
		case !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EWOULDBLOCK):
			found = err
		}
		return true
	})
	if err = errors.Join(err, found); err != nil {
		return nil, err
	}
	return raw, nil
}
