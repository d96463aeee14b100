package stack

import (
	"context"
	"fmt"
	"net"
	"strconv"
)

const host = "127.0.0.1"

// listen opens a port on the loopback address. Port "" or "0" is any free one;
// variable is the setting to name when it is taken.
func listen(ctx context.Context, port, variable string) (net.Listener, error) {
	if port == "" {
		port = "0"
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return nil, fmt.Errorf("%s=%q is no port number: write one from 1 to 65535", variable, port)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("port %s is not free, set %s to another one: %w", port, variable, err)
	}
	return l, nil
}

// reserve finds the address for a child to listen on. The port is free when
// it is looked at; whoever takes it afterwards makes the child fail, loudly.
func reserve(ctx context.Context, port, variable string) (string, error) {
	l, err := listen(ctx, port, variable)
	if err != nil {
		return "", err
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		return "", fmt.Errorf("releasing %s: %w", addr, err)
	}
	return addr, nil
}
