package main

import (
	"context"
	"encoding/base64"
	"os"
	"os/signal"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"

	"signet/audit"
	"signet/audit/journal"
	"signet/clients"
	"signet/refresh"
	"signet/vaultkeys"
)

// wireJournal opens the issuance records first of all: everything else may have
// something to record.
func (s *service) wireJournal(metrics prometheus.Registerer) (err error) {
	a := s.cfg.Audit
	c := journal.Config{
		Replica: a.Replica, Build: version, File: a.File, Fsync: journal.Fsync(a.Fsync), Logger: s.logger, Registerer: metrics,
	}
	if a.Stdout {
		// Whoever reads it may go away: then nothing is signed, but the process lives.
		signal.Ignore(syscall.SIGPIPE)
		c.Stdout = s.out
	}
	s.journal, err = journal.Open(c)
	return err
}

// reopenRecords opens the file of the issuance records again at each SIGHUP, as
// log rotation asks for it.
func (s *service) reopenRecords(ctx context.Context) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	defer signal.Stop(signals)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-signals:
			s.journal.Reopen()
		}
	}
}

// closeRecords ends the chain. Its head in the log tells later whether the
// file's end was cut off.
func (s *service) closeRecords(ctx context.Context) {
	err := s.journal.Close()
	head, seq := s.journal.Head()
	log := s.logger.With("head", head.String(), "seq", seq)
	if err != nil {
		log.ErrorContext(ctx, "issuance records not closed in order", "error", err)
		return
	}
	log.InfoContext(ctx, "issuance records closed")
}

func (s *service) noteRefresh(e refresh.Event) {
	s.journal.Note(audit.Record{
		Event: audit.EventRefresh, Kind: string(e.Kind), SID: e.SID, ClientID: e.ClientID, Generation: e.Generation, Presented: e.Presented,
	})
}

func (s *service) noteRing(e vaultkeys.RingEvent) {
	s.journal.Note(audit.Record{Event: audit.EventKeys, Kind: e.Kind, Ring: e.Ring, KeyVersion: e.Version, KID: e.KID})
}

func (s *service) noteClients(l clients.Loaded) {
	r := audit.Record{Event: audit.EventClients, Kind: "loaded", Count: l.Clients, Digest: base64.RawURLEncoding.EncodeToString(l.Digest[:])}
	if l.Err != nil {
		r.Kind, r.Reason = "refused", "the file is bad or unreadable; the last good one applies"
	}
	s.journal.Note(r)
}
