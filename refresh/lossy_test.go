package refresh_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

// lossyLink is a TCP link to Redis that withholds one in ten answers to a
// script, after Redis has run it: seven of eight by a cut, one by silence.
type lossyLink struct {
	addr   string
	target string
	spaced bool // never two losses in a row
	lost   atomic.Int64

	mu       sync.Mutex
	rng      *rand.Rand
	answered int    // answers to scripts so far
	losses   [2]int // the places of the losses in these twenty answers
	conns    map[net.Conn]struct{}
	over     bool
}

// newLossyLink opens a link; spaced keeps at least one good answer between two
// losses.
func newLossyLink(t *testing.T, target string, seed uint64, spaced bool) *lossyLink {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &lossyLink{
		addr: listener.Addr().String(), target: target, spaced: spaced,
		rng: rand.New(rand.NewPCG(seed, 1)), conns: map[net.Conn]struct{}{},
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			in, err := listener.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				running.Go(func() { l.forward(in) })
			}
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		l.hangUp()
		running.Wait()
	})
	return l
}

func (l *lossyLink) hangUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	for c := range l.conns {
		_ = c.Close()
	}
}

func (l *lossyLink) remember(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns[c] = struct{}{}
	return !l.over
}

func (l *lossyLink) forget(c net.Conn) {
	_ = c.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
}

func (l *lossyLink) forward(in net.Conn) {
	defer l.forget(in)
	out, err := net.Dial("tcp", l.target) //nolint:noctx // closed with the link
	if err != nil {
		return
	}
	defer l.forget(out)
	if !l.remember(in) || !l.remember(out) {
		return
	}
	var asked atomic.Bool
	var both sync.WaitGroup
	gaveUp := make(chan struct{})
	both.Go(func() {
		defer close(gaveUp)
		relay(out, in, func(request []byte) bool {
			if bytes.Contains(request, []byte("\r\nevalsha\r\n")) {
				asked.Store(true)
			}
			return true
		})
	})
	both.Go(func() {
		relay(in, out, func([]byte) bool { return !asked.Swap(false) || l.deliver(gaveUp) })
	})
	both.Wait()
}

// relay copies until pass refuses or an end is closed, and closes both.
func relay(dst, src net.Conn, pass func([]byte) bool) {
	defer func() { _, _ = dst.Close(), src.Close() }()
	buffer := make([]byte, 64<<10)
	for {
		n, err := src.Read(buffer)
		if n > 0 {
			if !pass(buffer[:n]) {
				return
			}
			if _, err := dst.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// deliver decides about an answer to a script. If it is lost in silence, the
// connection stays until the client has given up.
func (l *lossyLink) deliver(gaveUp <-chan struct{}) bool {
	lost, silent := l.next()
	if !lost {
		return true
	}
	l.lost.Add(1)
	if silent {
		<-gaveUp
	}
	return false
}

// next draws two losses in every twenty answers. More than four in any twenty
// would be needed for three generations in a row that each lose a commit and
// its second sending, which the protocol takes for a theft.
func (l *lossyLink) next() (lost, silent bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	place := l.answered % 20
	if place == 0 {
		l.losses = [2]int{l.rng.IntN(9), 10 + l.rng.IntN(9)}
		if !l.spaced && l.rng.IntN(2) == 0 {
			l.losses[1] = l.losses[0] + 1
		}
	}
	l.answered++
	return slices.Contains(l.losses[:], place), l.rng.IntN(8) == 0
}
