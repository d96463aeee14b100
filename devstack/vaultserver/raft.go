package vaultserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/hashicorp/go-hclog"
	vaulthttp "github.com/hashicorp/vault/http"
	"github.com/hashicorp/vault/internalshared/configutil"
	"github.com/hashicorp/vault/physical/raft"
	"github.com/hashicorp/vault/sdk/physical"
	"github.com/hashicorp/vault/vault"
)

// activeWithin is for one node to elect itself: a second or two.
const activeWithin = 30 * time.Second

// newRaft is integrated storage with this node alone.
func newRaft(dir string, logger hclog.Logger) (physical.Backend, string, error) {
	b, err := raft.NewRaftBackend(map[string]string{"path": dir, "node_id": "devstack", "performance_multiplier": "1"}, logger.Named("raft"))
	if err != nil {
		return nil, "", fmt.Errorf("making vault's raft storage: %w", err)
	}
	return b, "raft", nil
}

// newRaftCore makes a core that is highly available by its own storage, and
// therefore needs an address for the other nodes that it does not have.
func newRaftCore(config *vault.CoreConfig) (*vault.Core, *vault.CoreConfig, error) {
	ha, ok := config.Physical.(physical.HABackend)
	if !ok {
		return nil, nil, errors.New("making vault's core: raft storage without leadership")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // only asks for a free port
	if err != nil {
		return nil, nil, fmt.Errorf("finding a port for vault's cluster address: %w", err)
	}
	addr, ok := listener.Addr().(*net.TCPAddr)
	if err := listener.Close(); err != nil || !ok {
		return nil, nil, fmt.Errorf("finding a port for vault's cluster address: %w", err)
	}
	config.HAPhysical, config.ClusterAddr = ha, "https://"+addr.String()
	core, err := vault.NewCore(config)
	if err != nil {
		return nil, nil, fmt.Errorf("making vault's core: %w", err)
	}
	core.SetClusterListenerAddrs([]*net.TCPAddr{addr})
	core.SetClusterHandler(vaulthttp.Handler.Handler(&vault.HandlerProperties{
		Core: core, ListenerConfig: &configutil.Listener{DisableJSONLimitParsing: true},
	}))
	return core, config, nil
}

// active waits until an unsealed core serves requests: with raft it is elected
// first.
func active(ctx context.Context, core *vault.Core) error {
	ctx, cancel := context.WithTimeout(ctx, activeWithin)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if standby, err := core.Standby(); err == nil && !standby {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for vault to become active: %w", ctx.Err())
		}
	}
}
