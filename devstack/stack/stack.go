package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
)

// Config shapes a stack. Ports are decimal; "" and "0" mean a free one.
type Config struct {
	// Dir is where the stack keeps its files while it runs. Required.
	Dir string
	// Data is where Vault and Redis keep their state over restarts. Empty means
	// in memory.
	Data string
	// Signet is the path of the signet binary. Required.
	Signet string
	// RedisServer is the Redis to look for; empty means redis-server on the PATH.
	RedisServer string
	// PublicPort and OpsPort are Signet's.
	PublicPort, OpsPort string
	// VaultPort and RedisPort are what their names say.
	VaultPort, RedisPort string
	// StartVault starts an unsealed Vault. Required.
	StartVault func(context.Context, VaultConfig) (Vault, error)
	// Out takes the progress and the commands to try. Required.
	Out io.Writer
}

// VaultConfig is what a stack asks of its Vault.
type VaultConfig struct {
	// Listener is where its API is served; it is Vault's to close once started.
	Listener net.Listener
	// Storage is a directory, or empty for memory.
	Storage string
	// Log takes what it logs.
	Log io.Writer
}

// Vault is a running, unsealed Vault.
type Vault struct {
	RootToken string
	// Failed delivers the error that ended it.
	Failed <-chan error
	// Close ends it.
	Close func(context.Context) error
}

// stack is a Config on its way to running: what has been started so far, and
// how to end it.
type stack struct {
	Config
	progress  *progress
	addr      addresses
	secret    string
	rootToken string
	vaultLog  string // Vault's audit log
	records   string // the issuance records beside it
	vault     Vault
	redis     *redisServer
	signet    *child
	closers   []func()
}

// Run starts the stack, reports what to do with it, and ends it when ctx ends
// (which is no error) or a part of it fails (which is).
func Run(ctx context.Context, cfg Config) error {
	s, err := newStack(cfg)
	if err != nil {
		return err
	}
	defer s.close()
	err = s.start(ctx)
	if err == nil {
		err = s.watch(ctx)
	}
	if ctx.Err() != nil {
		return nil // whatever failed, failed because it was told to end
	}
	return err
}

func newStack(cfg Config) (*stack, error) {
	s := &stack{Config: cfg, progress: &progress{out: cfg.Out}}
	if s.RedisServer == "" {
		s.RedisServer = "redis-server"
	}
	var err error
	if s.Dir, err = filepath.Abs(cfg.Dir); err != nil {
		return nil, fmt.Errorf("finding %s: %w", cfg.Dir, err)
	}
	if s.Signet, err = filepath.Abs(cfg.Signet); err != nil {
		return nil, fmt.Errorf("finding %s: %w", cfg.Signet, err)
	}
	if _, err := os.Stat(s.Signet); err != nil {
		return nil, fmt.Errorf("there is no signet binary, build it with `make build` or name it with -signet: %w", err)
	}
	// Beside the clients file, whose directory Signet watches, each line would wake it.
	s.vaultLog, s.records = filepath.Join(s.Dir, "logs", "vault-audit.log"), filepath.Join(s.Dir, "logs", "issuance.jsonl")
	if cfg.Data == "" {
		return s, nil
	}
	if s.Data, err = filepath.Abs(cfg.Data); err != nil {
		return nil, fmt.Errorf("finding %s: %w", cfg.Data, err)
	}
	if s.Data == s.Dir {
		return nil, fmt.Errorf("%s cannot be both -data and SIGNET_DEVSTACK_DIR, whose files each run replaces", s.Data)
	}
	// The log belongs to the kept Vault: only its salt explains the hashes in it.
	s.vaultLog, s.records = filepath.Join(s.Data, "vault-audit.log"), filepath.Join(s.Data, "issuance.jsonl")
	return s, nil
}

// onClose adds to what close does; it runs in reverse order.
func (s *stack) onClose(f func()) { s.closers = append(s.closers, f) }

func (s *stack) close() {
	for _, f := range slices.Backward(s.closers) {
		f()
	}
}

// watch waits for the end of the stack.
func (s *stack) watch(ctx context.Context) error {
	var redisDone chan struct{} // nil, which blocks for ever, if embedded
	if s.redis.child != nil {
		redisDone = s.redis.child.done
	}
	select {
	case <-ctx.Done():
		s.progress.say("stopping ...")
		return nil
	case <-s.signet.done:
		return s.signet.ended()
	case <-redisDone:
		return s.redis.child.ended()
	case err := <-s.vault.Failed:
		return fmt.Errorf("vault's API ended: %w", err)
	}
}

// remove deletes a file that may not exist.
func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("removing a file of an earlier run: %w", err)
	}
	return nil
}
