package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"signet/config"
	"signet/internal/sharedstate"
	"signet/vaultkeys"
	"signet/vaultkeys/vaultapi"
)

// run serves until ctx ends (a signal) or something fails for good.
func (s *service) run(ctx context.Context) error {
	public, err := listenPublic(ctx, s.cfg.Listen, s.logger)
	if err != nil {
		return err
	}
	ops, err := listenTCP(ctx, s.cfg.Ops.Address, "ops.address")
	if err != nil {
		return errors.Join(err, public.listener.Close())
	}
	// Two lifetimes: what answers requests ends first, Vault's connection and
	// the readers behind it only when no request needs them any more.
	behind, endBehind := context.WithCancel(context.WithoutCancel(ctx))
	defer endBehind()
	failed := make(chan error, 8)
	var work background
	spawn := work.parts(behind, failed)
	s.spawnReaders(spawn)
	servers := []*http.Server{newHTTPServer(s.api.Public(), s.logger), newHTTPServer(s.api.Ops(), s.logger)}
	servers[0].TLSConfig = public.tls
	spawn("public listener", func(context.Context) error { return serveOn(servers[0], public) })
	spawn("ops listener", func(context.Context) error { return serveOn(servers[1], listener{listener: ops}) })
	s.logger.InfoContext(ctx, "listening", "public", public.listener.Addr().String(), "ops", ops.Addr().String())

	select {
	case <-ctx.Done():
		s.drain(context.WithoutCancel(ctx), servers)
	case err = <-failed:
		closeAll(servers)
	}
	s.finish(ctx, endBehind, &work)
	return err
}

// spawnReaders starts what keeps the replica's view of Vault and files fresh.
func (s *service) spawnReaders(spawn func(string, func(context.Context) error)) {
	spawn("vault login", s.vault.Run)
	spawn("clients", s.registry.Run)
	spawn("issuance records", s.journal.Run)
	spawn("reopening of the issuance records", s.reopenRecords)
	spawn("counts by kid", s.usage.Run)
	spawn("key rings", func(ctx context.Context) error {
		report := func(ctx context.Context) error {
			return sharedstate.NewMaxTTLs(s.redis).ReportAll(ctx, s.cfg.MaxTTLs())
		}
		if err := s.load(ctx, "max_ttl of this replica", report); err != nil {
			return err
		}
		spawn("max_ttl reports", s.reportMaxTTLs)
		if err := s.load(ctx, "key rings", s.rings.Load); err != nil {
			return err
		}
		s.logger.InfoContext(ctx, "key rings read")
		spawn("canary", s.canary.Run)
		return s.rings.Run(ctx)
	})
	spawn("refresh token key", func(ctx context.Context) error {
		if err := s.load(ctx, "refresh token key", s.macKeys.Load); err != nil {
			return err
		}
		return s.macKeys.Run(ctx)
	})
	spawn("vault check", s.preflight.run)
	spawn("look at redis", func(ctx context.Context) error {
		lookAtRedis(ctx, s.cfg, s.redis, s.logger)
		return nil
	})
	if s.keeper != nil {
		s.keeper.spawn(spawn)
	}
}

// load does what the first token needs, for as long as it takes.
// Only a key that does not fit is an error: no waiting mends that.
func (s *service) load(ctx context.Context, what string, load func(context.Context) error) error {
	const longest = 2 * time.Second
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, longest) {
		err := load(ctx)
		if err == nil || errors.Is(err, vaultkeys.ErrMisconfigured) || ctx.Err() != nil {
			return err
		}
		remedy := "none needed once Vault and Redis answer"
		if errors.Is(err, vaultapi.ErrPermissionDenied) {
			remedy = "signet vault init: the policy of this login does not cover a key of the configuration"
		}
		if sharedstate.Refused(err) {
			remedy = sharedstate.RefusedRemedy
		}
		s.logger.WarnContext(ctx, "not read yet, trying again", "what", what, "error", err, "in", wait.String(), "remedy", remedy)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

// drain goes on answering while load balancers turn away, then lets the
// requests under way finish. The pause is a plain one: a second signal ends the
// process itself, see main.
func (s *service) drain(ctx context.Context, servers []*http.Server) {
	s.logger.InfoContext(ctx, "draining", "for", s.cfg.Listen.Drain.String())
	s.api.Drain()
	time.Sleep(s.cfg.Listen.Drain)
	ctx, cancel := context.WithTimeout(ctx, config.RequestDeadline+time.Second)
	defer cancel()
	for _, server := range servers {
		if err := server.Shutdown(ctx); err != nil {
			s.logger.WarnContext(ctx, "some requests did not end in time", "error", err)
		}
	}
}

func closeAll(servers []*http.Server) {
	for _, server := range servers {
		_ = server.Close()
	}
}

// patience is how long the end waits for each thing behind the requests.
const patience = 5 * time.Second

// finish ends what is behind the requests, last of all the Vault token.
func (s *service) finish(ctx context.Context, endBehind context.CancelFunc, work *background) {
	ctx = context.WithoutCancel(ctx)
	within := func(end func(context.Context)) {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		end(ctx)
	}
	within(func(ctx context.Context) {
		if err := s.batcher.Close(ctx); err != nil {
			s.logger.WarnContext(ctx, "signatures were still under way", "error", err)
		}
	})
	endBehind()
	within(func(ctx context.Context) {
		if names := work.end(ctx); len(names) > 0 {
			s.logger.WarnContext(ctx, "some background work did not end in time", "parts", names)
		}
	})
	if err := s.redis.Close(); err != nil {
		s.logger.WarnContext(ctx, "closing redis", "error", err)
	}
	s.logger.InfoContext(ctx, "stopped")
}

// serveOn serves until the server is shut down, which is no error.
func serveOn(server *http.Server, l listener) error {
	serve := func() error { return server.Serve(l.listener) }
	if l.tls != nil {
		serve = func() error { return server.ServeTLS(l.listener, "", "") }
	}
	if err := serve(); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving on %s: %w", l.listener.Addr(), err)
	}
	return nil
}
