package integration

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

// Proxy is a TCP link that a test can cut: the same way of taking Vault or
// Redis away on every backend, without touching the server behind it.
type Proxy struct {
	Addr string

	target   string
	listener net.Listener

	mu    sync.Mutex
	down  bool
	conns map[net.Conn]struct{}
}

// NewProxy listens on a free port of this machine and forwards to target.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed by the test's cleanup
	if err != nil {
		t.Fatalf("listening: %v", err)
	}
	p := &Proxy{Addr: l.Addr().String(), target: target, listener: l, conns: map[net.Conn]struct{}{}}
	var running sync.WaitGroup
	running.Go(func() { p.accept(&running) })
	t.Cleanup(func() {
		_ = l.Close()
		p.Cut()
		running.Wait()
	})
	return p
}

// Cut ends every connection and refuses new ones, until Restore.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = true
	for c := range p.conns {
		_ = c.Close()
	}
}

// Restore lets connections through again.
func (p *Proxy) Restore() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = false
}

func (p *Proxy) accept(running *sync.WaitGroup) {
	for {
		in, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		running.Go(func() { p.forward(in) })
	}
}

func (p *Proxy) forward(in net.Conn) {
	defer p.forget(in)
	if !p.remember(in) {
		return
	}
	out, err := net.Dial("tcp", p.target) //nolint:noctx // a local address
	if err != nil {
		return
	}
	defer p.forget(out)
	if !p.remember(out) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { pipe(out, in) })
	both.Go(func() { pipe(in, out) })
	both.Wait()
}

// pipe copies one direction and then closes both ends, so that the other
// direction ends too.
func pipe(dst, src net.Conn) {
	_, _ = io.Copy(dst, src)
	_ = dst.Close()
	_ = src.Close()
}

func (p *Proxy) remember(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down {
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *Proxy) forget(c net.Conn) {
	_ = c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

// FreeAddr is a loopback address that nothing listens on now. Its port is below
// those that the kernel gives to outgoing connections, of which a test under
// load makes thousands: one of them would take it before the server does.
func FreeAddr(t testing.TB) string {
	t.Helper()
	const lowest, ports = 16_000, 16_000
	var err error
	for range 100 {
		addr := fmt.Sprintf("127.0.0.1:%d", lowest+rand.IntN(ports))
		var l net.Listener
		if l, err = net.Listen("tcp", addr); err == nil { //nolint:noctx // closed at once
			_ = l.Close()
			return addr
		}
	}
	t.Fatalf("finding a free port: %v", err)
	return ""
}

func splitAddr(t testing.TB, addr string) (host, port string) {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatalf("address %q: %v", addr, err)
	}
	return host, port
}
