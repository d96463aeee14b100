package replicated

import (
	"context"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// runInCluster asks the slot's primary itself, for a cluster's pipeline would
// send WAIT, which has no key, to any node. Where a node sends us on it has
// written nothing.
func (w *Writer) runInCluster(ctx context.Context, cluster *redis.ClusterClient, script *redis.Script, keys []string, args []any) *redis.Cmd {
	const tries = 4 // as many as the cluster's own client makes
	node, err := cluster.MasterForKey(ctx, keys[0])
	asking := false
	for try := 1; ; try++ {
		if err != nil {
			return failed(ctx, err)
		}
		pipe := node.Pipeline()
		if asking {
			pipe.Do(ctx, "ASKING")
		}
		cmd := w.run(ctx, pipe, script, keys, args)
		kind, to := sentOn(cmd.Err())
		if kind == "" || try == tries {
			return cmd
		}
		asking = kind == "ASK"
		node, err = primaryAt(ctx, cluster, to, keys[0])
	}
}

// sentOn is where a node's answer sends us: MOVED or ASK, and an address.
func sentOn(err error) (kind, to string) {
	for _, kind := range []string{"MOVED", "ASK"} {
		if redis.HasErrorPrefix(err, kind+" ") {
			words := strings.Fields(err.Error())
			return kind, words[len(words)-1]
		}
	}
	return "", ""
}

// primaryAt reads the layout anew, which ReloadState would only begin, and gives
// the primary at an address; where none is called so, the slot's.
func primaryAt(ctx context.Context, cluster *redis.ClusterClient, address, key string) (*redis.Client, error) {
	var mu sync.Mutex
	var found *redis.Client
	err := cluster.ForEachMaster(ctx, func(_ context.Context, node *redis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		if node.Options().Addr == address {
			found = node
		}
		return nil
	})
	if err != nil || found != nil {
		return found, err
	}
	return cluster.MasterForKey(ctx, key)
}

func failed(ctx context.Context, err error) *redis.Cmd {
	cmd := redis.NewCmd(ctx)
	cmd.SetErr(err)
	return cmd
}
