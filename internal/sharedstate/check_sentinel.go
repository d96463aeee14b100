package sharedstate

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// fewestSentinels is what a majority needs when one of them is away.
const fewestSentinels = 3

// CheckSentinels looks at start at each of the Sentinels that a configuration
// names. What they will not tell is a warning too.
func CheckSentinels(ctx context.Context, c Config) []Warning {
	options, err := c.options()
	if err != nil { // Open has said so
		return []Warning{unreachable(err)}
	}
	var all []Warning
	for _, address := range c.Addresses {
		for _, w := range checkSentinel(ctx, address, c.MasterName, options) {
			w.Node = address
			all = append(all, w)
		}
	}
	return all
}

func checkSentinel(ctx context.Context, address, master string, o *redis.UniversalOptions) []Warning {
	sentinel := redis.NewSentinelClient(&redis.Options{
		Addr: address, Username: o.SentinelUsername, Password: o.SentinelPassword, TLSConfig: o.TLSConfig,
		DialTimeout: o.DialTimeout, ReadTimeout: o.ReadTimeout, WriteTimeout: o.WriteTimeout, PoolTimeout: o.PoolTimeout,
		ContextTimeoutEnabled: true, MaxRetries: o.MaxRetries, DialerRetries: o.DialerRetries, DisableIdentity: true, Protocol: o.Protocol,
		MaintNotificationsConfig: o.MaintNotificationsConfig,
	})
	defer func() { _ = sentinel.Close() }()
	if err := sentinel.GetMasterAddrByName(ctx, master).Err(); err != nil {
		return []Warning{{
			Problem: fmt.Sprintf("the sentinel does not say where %s is: %v", master, err),
			Remedy:  "check redis.addresses, redis.master_name, redis.sentinel_username and its password",
		}}
	}
	var found []Warning
	warn := func(problem, remedy string) { found = append(found, Warning{Problem: problem, Remedy: remedy}) }
	switch others, err := sentinel.Sentinels(ctx, master).Result(); {
	case err != nil:
		warn("the sentinel does not tell which others there are", fmt.Sprintf("allow SENTINEL SENTINELS, or make sure that there are %d", fewestSentinels))
	case len(others)+1 < fewestSentinels:
		warn(fmt.Sprintf("%d sentinels know of each other: with one away there is no majority, and no failover", len(others)+1),
			fmt.Sprintf("run %d or more, on machines of their own", fewestSentinels))
	}
	switch err := sentinel.CkQuorum(ctx, master).Err(); {
	case err == nil:
	case redis.HasErrorPrefix(err, "NOQUORUM"):
		warn("the sentinel sees no quorum: "+strings.TrimPrefix(err.Error(), "NOQUORUM ")+": there would be no failover", "look why the others are not seen: SENTINEL SENTINELS")
	default:
		warn("the sentinel does not tell whether there is a quorum", "allow SENTINEL CKQUORUM, or ask it by hand")
	}
	return found
}
