package sharedstate

import (
	"context"
	"crypto/tls"
	"net"

	"github.com/redis/go-redis/v9"
)

// dialled is a hook that finishes a connection that was begun. go-redis dials
// beside its caller, and would give up when he does, after 300 ms. With Sentinel
// each connection asks one first, and where that question was cut short the
// connection to the Sentinel is thrown away, so that the next caller begins
// further back: a burst of callers over TLS never got out of that. Finished, it
// serves the next one.
type dialled struct{ dialsOnly }

func (dialled) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*dialTimeout)
		defer cancel()
		conn, err := next(ctx, network, addr)
		if t, ok := conn.(*tls.Conn); ok && err == nil {
			return watch(t), nil
		}
		return conn, err
	}
}
