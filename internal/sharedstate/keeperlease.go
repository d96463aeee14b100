package sharedstate

import (
	"context"
	"crypto/rand"
	_ "embed" // the script
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed hold.lua
var holdSource string

const keyLease = "signet:keeper"

// KeeperLease is held by one keeper of key rings at a time. It merely saves
// work: after a pause of its holder two may believe that they have it.
type KeeperLease struct {
	client redis.UniversalClient
	script *redis.Script
	owner  string
	length string
}

// NewKeeperLease makes a lease with an owner of its own that ends when it is
// not held again within length, in whole milliseconds.
func NewKeeperLease(client redis.UniversalClient, length time.Duration) *KeeperLease {
	return &KeeperLease{
		client: client, script: redis.NewScript(holdSource), owner: rand.Text(),
		length: strconv.FormatInt(max(1, length.Milliseconds()), 10),
	}
}

// Hold takes the lease or extends it, and reports whether this owner has it.
func (l *KeeperLease) Hold(ctx context.Context) (bool, error) {
	n, err := l.script.Run(ctx, l.client, []string{keyLease}, l.owner, l.length).Int()
	if err != nil {
		return false, fmt.Errorf("%w: holding the keeper's lease: %w", ErrUnavailable, err)
	}
	return n == 1, nil
}
