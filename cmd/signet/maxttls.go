package main

import (
	"context"
	"time"

	"signet/internal/sharedstate"
	"signet/vaultkeys"
)

// reportMaxTTLs tells the keepers each interval what this replica may sign,
// until ctx ends. The first report is made before the rings are read, and so
// before the first token.
func (s *service) reportMaxTTLs(ctx context.Context) error {
	ttls, failing := sharedstate.NewMaxTTLs(s.redis), false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(vaultkeys.Jitter(s.cfg.Keys.RefreshInterval)):
		}
		err := ttls.ReportAll(ctx, s.cfg.MaxTTLs())
		if err != nil && !failing && ctx.Err() == nil {
			s.logger.WarnContext(ctx, "keepers cannot be told this replica's max_ttl; what was told before counts for 12h", "error", err)
		}
		failing = err != nil
	}
}
