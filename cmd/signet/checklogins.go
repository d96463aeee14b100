package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"signet/config"
	"signet/vaultkeys/vaultapi"
)

// checkTimeout is for one request: longer than serve's, for nobody waits.
const checkTimeout = 10 * time.Second

// checkLogins are Signet's own logins, for the length of a check.
type checkLogins struct {
	cancel []context.CancelFunc
	work   background
}

// open connects; the login itself comes with the first request.
func (l *checkLogins) open(ctx context.Context, v config.Vault, auth config.Auth) (*vaultapi.Conn, error) {
	conn, err := vaultapi.New(vaultapi.Config{
		Address: v.Address, Namespace: v.Namespace, CACert: v.CACert, Login: login(auth),
		Timeout: checkTimeout, RevokeAtEnd: true, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, fmt.Errorf("connecting to vault: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	l.cancel = append(l.cancel, cancel)
	l.work.spawn("login", func() { _ = conn.Run(ctx) }) // its only error is ctx's
	return conn, nil
}

// end revokes the tokens that were made.
func (l *checkLogins) end(ctx context.Context) {
	for _, cancel := range l.cancel {
		cancel()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	l.work.end(ctx)
}
