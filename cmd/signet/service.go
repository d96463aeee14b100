package main

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"signet/audit/journal"
	"signet/clients"
	"signet/config"
	"signet/httpapi"
	"signet/internal/kidusage"
	"signet/internal/sharedstate"
	"signet/issuer"
	"signet/refresh"
	"signet/signer"
	"signet/vaultkeys"
	"signet/vaultkeys/vaultapi"
)

// service is a replica: all parts of `signet serve`, wired.
type service struct {
	cfg    *config.Config
	out    io.Writer
	logger *slog.Logger

	journal  *journal.Journal
	vault    *vaultapi.Conn
	rings    *vaultkeys.Rings
	macKeys  *vaultkeys.MACKeys
	batcher  *vaultkeys.Batcher
	canary   *signer.Canary
	registry *clients.Registry
	sessions *refresh.Store
	denylist *sharedstate.Denylist
	usage    *kidusage.Counter
	api      *httpapi.Server

	redis  sharedstate.Client
	keeper *ringKeeper // nil without a keeper section

	preflight *preflight
}

// newService wires everything; nothing is sent to Vault or Redis yet.
func newService(cfg *config.Config, out io.Writer, logger *slog.Logger) (*service, error) {
	s := &service{cfg: cfg, out: out, logger: logger}
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, wire := range []func(prometheus.Registerer) error{s.wireJournal, s.wireRedis, s.wireVault, s.wireClients, s.wireSessions, s.wireKeeper} {
		if err := wire(metrics); err != nil {
			return nil, err
		}
	}
	s.preflight = newPreflight(cfg, s.vault, logger, metrics)
	s.canary = signer.NewCanary(signer.CanaryConfig{
		Keys: s.rings, Backend: s.batcher, Rings: ringNames(cfg), Logger: logger, Registerer: metrics,
	})
	sign := signer.New(signer.Config{
		Keys: s.rings, Backend: s.batcher, Issuer: cfg.Issuer, ClockSkew: cfg.Keys.ClockSkew, Breaker: s.canary,
	})
	uses := issuer.New(issuer.Config{
		Signer: sign, Refresher: s.sessions, Sessions: s.sessions, Directory: s.sessions, Denylist: s.denylist, Clients: s.registry,
		Rings: cfg.MaxTTLs(), DefaultRing: cfg.Rings[0].Name, DefaultTTL: cfg.Tokens.TTL, SessionLife: cfg.Refresh.Absolute, ListWidth: listWidth(cfg.Signing),
		ClockSkew: cfg.Keys.ClockSkew, Ready: s.rings.Ready, Usage: s.usage, Journal: s.journal, Registerer: metrics,
	})
	s.api = httpapi.New(httpapi.Config{
		Issuer: cfg.Issuer, Tokens: uses, Status: uses, Sessions: uses, Clients: s.registry, Keys: s.keySet, Fetched: s.usage.Fetched,
		Algorithms: algorithmNames(s.rings.Algorithms()), Ready: s.ready, Alarms: s.alarms, Signing: s.canary.Status, Rings: ringNames(cfg),
		Journal: s.journal, Deadline: config.RequestDeadline, Logger: logger, Registerer: metrics, Gatherer: metrics,
	})
	return s, nil
}

// listWidth is how many tokens of a list are being made at once: what fills the
// requests that may be out and one more, but never so many that lists alone could
// fill the queue, or one client's lists its share of it.
func listWidth(c config.Signing) int {
	return max(1, min((c.InFlight+1)*c.BatchMax, c.QueueMax/httpapi.MaxLists))
}

// vaultConns is a connection for each request of the batcher (in_flight of each
// ring, or twice that while it changes its version, and checks of HMACs) and eight
// for all else, such as reads of keys and logins.
func vaultConns(rings int, c config.Signing) int {
	return (2*rings+vaultkeys.MACsInFlight)*c.InFlight + 8
}

func (s *service) wireVault(metrics prometheus.Registerer) (err error) {
	v, k := s.cfg.Vault, s.cfg.Keys
	s.vault, err = vaultapi.New(vaultapi.Config{
		Address: v.Address, Namespace: v.Namespace, CACert: v.CACert, Login: login(v.Auth),
		MaxConns: vaultConns(len(s.cfg.Rings), s.cfg.Signing), RevokeAtEnd: true,
		Logger: s.logger, Registerer: loginMetrics("issuer", metrics),
	})
	if err != nil {
		return fmt.Errorf("connecting to vault: %w", err)
	}
	s.rings = vaultkeys.NewRings(vaultkeys.RingsConfig{
		Vault: s.vault, Mount: v.TransitMount, Rings: ringConfigs(s.cfg), RefreshInterval: k.RefreshInterval,
		JWKSMaxAge: k.JWKSMaxAge, StaleIfError: k.StaleIfError, ClockSkew: k.ClockSkew, RevokedKIDs: k.RevokedKIDs,
		Revoked: sharedstate.NewRevocations(s.redis), KIDs: sharedstate.NewKIDs(s.redis), Events: s.noteRing,
		Logger: s.logger, Registerer: metrics,
	})
	s.macKeys = vaultkeys.NewMACKeys(vaultkeys.MACKeysConfig{
		Vault: s.vault, Mount: v.TransitMount, Key: s.cfg.Refresh.MACKey, RefreshInterval: k.RefreshInterval,
		Logger: s.logger, Registerer: metrics,
	})
	s.batcher = vaultkeys.NewBatcher(vaultkeys.BatcherConfig{
		Vault: s.vault, Mount: v.TransitMount, InFlight: s.cfg.Signing.InFlight, BatchMax: s.cfg.Signing.BatchMax,
		QueueMax: s.cfg.Signing.QueueMax, VerifyAll: s.cfg.Signing.Verify == config.VerifyAll, Journal: s.journal, Reread: s.rings.Refresh,
		Logger: s.logger, Registerer: metrics,
	})
	return nil
}

func (s *service) wireClients(metrics prometheus.Registerer) (err error) {
	c := clientsConfig(s.cfg)
	c.Loaded, c.Logger, c.Registerer = s.noteClients, s.logger, metrics
	s.registry, err = clients.Open(c)
	if err != nil {
		return fmt.Errorf("reading the clients: %w", err)
	}
	return nil
}

func (s *service) wireRedis(prometheus.Registerer) (err error) {
	s.redis, err = openRedis(s.cfg.Redis, s.logger)
	return err
}

func (s *service) wireSessions(metrics prometheus.Registerer) error {
	s.denylist = sharedstate.NewDenylist(s.redis, s.cfg.Refresh.ReplicasAck, s.logger)
	s.usage = kidusage.New(kidusage.Config{
		Keys: s.rings, Store: sharedstate.NewKIDCounts(s.redis), Interval: s.cfg.Keys.RefreshInterval, Logger: s.logger, Registerer: metrics,
	})
	c := sessionsConfig(s.cfg, s.redis, s.logger)
	c.Keys, c.Events, c.Registerer = s.macKeys, s.noteRefresh, metrics
	s.sessions = refresh.New(c)
	return nil
}

// sessionsConfig is that of a store that holds no keys.
func sessionsConfig(cfg *config.Config, client sharedstate.Client, logger *slog.Logger) refresh.Config {
	f := cfg.Refresh
	return refresh.Config{
		Redis: client, Grace: f.Grace, Idle: f.Idle, Absolute: f.Absolute,
		ClockSkew: cfg.Keys.ClockSkew, ReplicasAck: f.ReplicasAck,
		// As for a denied token: its replica ahead, another behind, and what that forgives.
		TombstoneTTL: cfg.LongestTTL() + 3*cfg.Keys.ClockSkew, AcceptRollbackUntil: f.AcceptRollbackUntil,
		Logger: logger,
	}
}

func (s *service) wireKeeper(metrics prometheus.Registerer) (err error) {
	if s.cfg.Keeper != nil {
		s.keeper, err = newRingKeeper(s.cfg, s.redis, s.logger, metrics)
	}
	return err
}

// ready reports whether all that requests need was read once: the rings, and
// the key behind refresh tokens.
func (s *service) ready() bool { return s.rings.Ready() && s.macKeys.Ready() }

func (s *service) keySet() httpapi.KeySet {
	return httpapi.KeySet(s.rings.JWKS())
}

func (s *service) alarms() []httpapi.Alarm {
	var all []httpapi.Alarm
	for _, a := range s.rings.Alarms() {
		all = append(all, httpapi.Alarm(a))
	}
	return all
}
