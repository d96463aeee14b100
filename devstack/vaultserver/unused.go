package vaultserver

import (
	"net"
	"net/http"
	"sync"
)

// unused are the connections on which nothing has been asked yet. HTTP clients
// open such in reserve; http.Server.Shutdown waits five seconds for each of
// them, and every test that stops a Vault would wait with it.
type unused struct {
	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

// track is an http.Server's ConnState.
func (u *unused) track(conn net.Conn, state http.ConnState) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if state != http.StateNew {
		delete(u.conns, conn)
		return
	}
	if u.conns == nil {
		u.conns = map[net.Conn]struct{}{}
	}
	u.conns[conn] = struct{}{}
}

// close ends them, once the listener takes no more.
func (u *unused) close() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for conn := range u.conns {
		_ = conn.Close()
	}
}
