package sharedstate

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// eager is a hook that keeps go-redis dialling a server that refuses. After as
// many failed dials as the pool is big go-redis repeats the last error to
// everybody, and looks only once a second whether it still holds: sessions
// would stay away for up to a second after Redis is back, on top of the time
// that Sentinel takes. A refusal comes at once, so asking again costs nobody
// any time. A silent server is another matter: its callers are still told in
// advance.
type eager struct{ dialsOnly }

func (eager) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := next(ctx, network, addr)
		if errors.Is(err, syscall.ECONNREFUSED) {
			return refused{err}, nil
		}
		return conn, err
	}
}

// refused is a connection that never came to be. Whoever uses it is told why,
// and the pool throws it away: at the first error of its use, or before, when
// it looks at the socket.
type refused struct{ err error }

func (r refused) Read([]byte) (int, error)              { return 0, r.err }
func (r refused) Write([]byte) (int, error)             { return 0, r.err }
func (r refused) SyscallConn() (syscall.RawConn, error) { return nil, r.err }
func (refused) Close() error                            { return nil }
func (refused) LocalAddr() net.Addr                     { return &net.TCPAddr{} }
func (refused) RemoteAddr() net.Addr                    { return &net.TCPAddr{} }
func (refused) SetDeadline(time.Time) error             { return nil }
func (refused) SetReadDeadline(time.Time) error         { return nil }
func (refused) SetWriteDeadline(time.Time) error        { return nil }
