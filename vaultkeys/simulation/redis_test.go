package simulation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

var errRedis = errors.New("redis is away")

// redisTwin is what replicas and keepers share through Redis.
type redisTwin struct {
	w     *world
	down  bool
	until instant // when it is back

	holder  *keeperProcess
	ends    instant // of the lease, once the holder has stopped
	reports map[time.Duration]instant
	seen    map[string]time.Time
	revoked map[string]bool
	lost    instant // when it last lost the revoked kids
}

// RevokedKIDs fits vaultkeys.RevokedList.
func (r *redisTwin) RevokedKIDs(context.Context) ([]string, error) {
	if r.down {
		return nil, errRedis
	}
	return slices.Sorted(maps.Keys(r.revoked)), nil
}

// RestoreRevoked fits vaultkeys.RevokedList.
func (r *redisTwin) RestoreRevoked(_ context.Context, kid string) error {
	if r.down {
		return errRedis
	}
	r.w.report.count("revoked kids restored by replicas")
	r.revoked[kid] = true
	return nil
}

// Largest fits keeper.MaxTTLs: of what is reported now and of the last 12 hours.
func (r *redisTwin) Largest(context.Context, string) (time.Duration, error) {
	if r.down {
		return 0, errRedis
	}
	largest := time.Duration(0)
	for ttl, at := range r.reports {
		if r.w.now-at <= 12*time.Hour {
			largest = max(largest, ttl)
		}
	}
	for _, replica := range r.w.replicas {
		if replica.reported && r.w.now >= replica.forgotten {
			largest = max(largest, replica.policy.MaxTTL)
		}
	}
	return r.w.cfg.reported(largest), nil
}

// FirstSeen fits keeper.FirstSeen.
func (r *redisTwin) FirstSeen(_ context.Context, name string, version int, now time.Time) (time.Time, error) {
	if r.down {
		return time.Time{}, errRedis
	}
	id := fmt.Sprintf("%s %d", name, version)
	if _, ok := r.seen[id]; !ok {
		r.seen[id] = now
	}
	return r.seen[id], nil
}

// lease is a keeper's side of the lease. Whoever has it holds it in all rounds,
// those left out too, until it stops.
type lease struct{ k *keeperProcess }

func (l *lease) Hold(context.Context) (bool, error) {
	r := l.k.w.redis
	if r.down {
		return false, errRedis
	}
	if r.holder == nil || !r.holder.up && r.w.now >= r.ends {
		r.holder = l.k
	}
	return r.holder == l.k, nil
}
