package main

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// unused are the connections on which nothing has been asked yet. Clients and
// load balancers open such in reserve, and http.Server.Shutdown waits five
// seconds for them, longer than any request may take here.
type unused struct {
	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

// unusedGrace is for the request that was already on its way when the listener
// closed.
const unusedGrace = 250 * time.Millisecond

// watch makes the server end its unused connections when it shuts down.
func (u *unused) watch(server *http.Server) {
	u.conns = map[net.Conn]struct{}{}
	server.ConnState = u.track
	server.RegisterOnShutdown(func() { time.AfterFunc(unusedGrace, u.close) })
}

func (u *unused) track(conn net.Conn, state http.ConnState) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if state == http.StateNew {
		u.conns[conn] = struct{}{}
	} else {
		delete(u.conns, conn)
	}
}

func (u *unused) close() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for conn := range u.conns {
		_ = conn.Close()
	}
}
