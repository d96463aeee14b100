package stack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// errNeedsRedis is for --data on a machine without a Redis that can keep any.
var errNeedsRedis = errors.New("keeping data needs a real Redis: install redis-server, or run without --data")

// redisServer is a running Redis, real or embedded.
type redisServer struct {
	addr  string
	what  string // for the operator
	child *child // nil if embedded
	mini  *Miniredis
}

func (r *redisServer) stop() {
	if r.child != nil {
		r.child.stop()
		return
	}
	r.mini.Close()
}

// startRedis runs redis-server where it is installed, and else the embedded
// one. data is where it keeps its data; empty means nowhere.
func startRedis(ctx context.Context, cfg Config) (*redisServer, error) {
	path, err := exec.LookPath(cfg.RedisServer)
	if err != nil && cfg.Data != "" {
		return nil, errNeedsRedis
	}
	addr, portErr := reserve(ctx, cfg.RedisPort, "SIGNET_REDIS_PORT")
	if portErr != nil {
		return nil, portErr
	}
	if err != nil {
		mini, err := StartMiniredis(addr)
		if err != nil {
			return nil, fmt.Errorf("starting the embedded redis: %w", err)
		}
		return &redisServer{addr: addr, mini: mini, what: "embedded (miniredis): install redis-server for a real one"}, nil
	}
	command, err := redisCommand(path, addr, cfg)
	if err != nil {
		return nil, err
	}
	k, err := spawn(command)
	if err != nil {
		return nil, err
	}
	err = await(ctx, 30*time.Second, k, func(ctx context.Context) error { return pingRedis(ctx, addr) })
	if err != nil {
		k.stop()
		return nil, err
	}
	return &redisServer{addr: addr, child: k, what: path}, nil
}

func redisCommand(path, addr string, cfg Config) (command, error) {
	dir, appendOnly := filepath.Join(cfg.Dir, "redis"), "no"
	if cfg.Data != "" {
		dir, appendOnly = filepath.Join(cfg.Data, "redis"), "yes"
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return command{}, fmt.Errorf("making redis's directory: %w", err)
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return command{}, fmt.Errorf("splitting redis's address: %w", err)
	}
	return command{
		Name: "redis-server",
		Path: path,
		Args: []string{
			"--bind", host, "--port", port, "--dir", dir, "--save", "", "--appendonly", appendOnly,
			// A session that Redis evicts is a user logged out.
			"--maxmemory-policy", "noeviction",
		},
		Log: filepath.Join(cfg.Dir, "redis.log"),
	}, nil
}
