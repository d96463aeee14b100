package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// start brings everything up in the order in which it depends on each other.
func (s *stack) start(ctx context.Context) error {
	if err := s.claim(ctx); err != nil {
		return err
	}
	steps := []struct {
		what string
		do   func(context.Context) error
	}{
		{"starting Vault", s.startVault},
		{"starting Redis", s.startRedis},
		{"writing the demo configuration", s.writeConfig},
		{"signet vault init: keys, policies, AppRole", s.vaultInit},
		{"signet serve: waiting until it can sign", s.startSignet},
		{"asking for a first token", s.firstToken},
	}
	for _, step := range steps {
		if err := s.progress.step(ctx, step.what, step.do); err != nil {
			return err
		}
	}
	return s.announce()
}

// claim locks the directories, clears what an earlier stack left behind and
// finds Signet's ports, so that the likely mistakes show before anything runs.
func (s *stack) claim(ctx context.Context) error {
	unlock, err := lockDir(s.Dir, "set SIGNET_DEVSTACK_DIR to another directory")
	if err != nil {
		return err
	}
	s.onClose(unlock)
	if s.Data != "" {
		unlock, err := lockDir(s.Data, "use another -data")
		if err != nil {
			return err
		}
		s.onClose(unlock)
	}
	if err := remove(s.envPath()); err != nil {
		return err
	}
	if s.addr.public, err = reserve(ctx, s.PublicPort, "SIGNET_PORT"); err != nil {
		return err
	}
	s.addr.ops, err = reserve(ctx, s.OpsPort, "SIGNET_OPS_PORT")
	return err
}

func (s *stack) envPath() string { return filepath.Join(s.Dir, "env") }

func (s *stack) startVault(ctx context.Context) error {
	listener, err := listen(ctx, s.VaultPort, "SIGNET_VAULT_PORT")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(s.records), 0o700); err != nil {
		return errors.Join(fmt.Errorf("making a directory for the logs: %w", err), listener.Close())
	}
	log, err := os.OpenFile(filepath.Join(s.Dir, "vault.log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return errors.Join(fmt.Errorf("opening vault's log: %w", err), listener.Close())
	}
	s.onClose(func() { _ = log.Close() })
	cfg := VaultConfig{Listener: listener, Log: log}
	if s.Data == "" {
		// A log of another Vault: nothing in it can be compared with this one's.
		if err := errors.Join(remove(s.vaultLog), remove(s.records)); err != nil {
			return errors.Join(err, listener.Close())
		}
	} else {
		cfg.Storage = filepath.Join(s.Data, "vault")
	}
	s.vault, err = s.StartVault(ctx, cfg)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	s.onClose(func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if err := s.vault.Close(closing); err != nil {
			s.progress.say("stopping Vault: " + err.Error())
		}
	})
	s.addr.vault, s.rootToken = listener.Addr().String(), s.vault.RootToken
	client := vaultClient{url: "http://" + s.addr.vault, token: s.rootToken, http: newHTTPClient()}
	return client.enableAudit(ctx, s.vaultLog)
}

func (s *stack) startRedis(ctx context.Context) (err error) {
	if s.redis, err = startRedis(ctx, s.Config); err != nil {
		return err
	}
	s.onClose(s.redis.stop)
	s.addr.redis = s.redis.addr
	return nil
}

func (s *stack) configPath() string { return filepath.Join(s.Dir, "signet.yaml") }

func (s *stack) writeConfig(context.Context) (err error) {
	kept := ""
	if s.Data != "" {
		kept = filepath.Join(s.Data, "client-secret")
	}
	if s.secret, err = keptSecret(kept); err != nil {
		return err
	}
	return errors.Join(
		replaceFile(filepath.Join(s.Dir, "clients.yaml"), clientsYAML(hashSecret(s.secret))),
		replaceFile(s.configPath(), signetYAML(s.addr, s.records)),
	)
}

// vaultInit is the operator's step, and the only one that has the root token.
func (s *stack) vaultInit(ctx context.Context) error {
	return finish(ctx, command{
		Name: "signet vault init",
		Path: s.Signet,
		Args: []string{
			"vault", "init", "--config", s.configPath(), "--credentials-dir", filepath.Join(s.Dir, "credentials"),
			"--keeper-credentials-dir", filepath.Join(s.Dir, "keeper"),
		},
		Env: cleanEnv("VAULT_ADDR=http://"+s.addr.vault, "VAULT_TOKEN="+s.rootToken),
		Log: filepath.Join(s.Dir, "vault-init.log"),
	})
}

func (s *stack) startSignet(ctx context.Context) (err error) {
	s.signet, err = spawn(command{
		Name: "signet serve",
		Path: s.Signet,
		Args: []string{"serve", "--config", s.configPath()},
		Log:  filepath.Join(s.Dir, "signet.log"),
	})
	if err != nil {
		return err
	}
	s.onClose(s.signet.stop)
	client, ops := newHTTPClient(), "http://"+s.addr.ops
	return await(ctx, time.Minute, s.signet, func(ctx context.Context) error {
		if err := getOK(ctx, client, ops+"/readyz"); err != nil {
			return err
		}
		return getOK(ctx, client, ops+"/readyz/sign")
	})
}

func (s *stack) firstToken(ctx context.Context) error {
	return firstToken(ctx, newHTTPClient(), "http://"+s.addr.public, demoClient, s.secret)
}

// announce writes the env file, which tells scripts that the stack is ready,
// and the commands, which tell people.
func (s *stack) announce() error {
	if err := replaceFile(s.envPath(), envFile(s.variables())); err != nil {
		return err
	}
	s.onClose(func() { _ = os.Remove(s.envPath()) })
	s.progress.say(demo(s))
	return nil
}

// variables are the names in the env file, which scripts and tests rely on.
func (s *stack) variables() []variable {
	return []variable{
		{"SIGNET_URL", "http://" + s.addr.public},
		{"SIGNET_OPS_URL", "http://" + s.addr.ops},
		{"SIGNET_CLIENT_ID", demoClient},
		{"SIGNET_CLIENT_SECRET", s.secret},
		{"VAULT_ADDR", "http://" + s.addr.vault},
		{"VAULT_TOKEN", s.rootToken},
		{"SIGNET_RING", rings()[0].name},
		{"REDIS_URL", "redis://" + s.addr.redis},
		{"SIGNET_CONFIG", s.configPath()},
		{"SIGNET_VAULT_LOG", s.vaultLog},
		{"SIGNET_RECORDS", s.records},
	}
}
