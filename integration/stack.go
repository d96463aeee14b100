package integration

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Options shape a Stack; nil is valid, and so is every zero field.
type Options struct {
	// Replicas is how many signets run; 0 means 1.
	Replicas int
	// Rings are the key rings; none means one ES256 ring named signet-es256.
	Rings []Ring
	// LogLevel is the replicas' --log-level; "" means info. A long run at info has
	// hundreds of megabytes to remember.
	LogLevel string
	// Raft gives Vault integrated storage, for snapshots: see NewRaftVault.
	Raft bool
	// Keeper runs a keeper inside every replica.
	Keeper bool
	// Times are the key times of the configuration; nil means short ones, by
	// which no version is ever old.
	Times *KeyTimes
	// Refresh overrides lines of the config's refresh section, such as
	// "grace": "0s".
	Refresh map[string]string
	// RedisServers are servers of the test's own that the replicas use; nil means
	// a single one that the stack starts.
	RedisServers *RedisServers
	// Audit has Vault keep an audit log from its beginning on: see Vault.AuditLog.
	Audit bool
	// InitFlags are more flags of `signet vault init`.
	InitFlags []string
	// Records is the directory of the issuance records; "" means one of the stack's own.
	Records string
	// Fsync is audit.fsync; "" means the default.
	Fsync string
	// Clients is added to the demo clients' file: entries of the `clients:` list.
	Clients string
	// BeforeServe runs after `signet vault init` and before `signet serve`.
	BeforeServe func(*Stack)
	// NoWait returns without waiting for readiness: for servers that shall not become ready.
	NoWait bool
}

// RedisServers is the redis section of the configuration for more than one server.
type RedisServers struct {
	// Addresses, host:port: the Sentinels with MasterName, or nodes of a Cluster.
	Addresses  []string
	MasterName string
	Cluster    bool
}

// Ring is one key ring of the test's configuration.
type Ring struct {
	Name, Algorithm string
	// RSABits of an RSA key; 0 means Signet's default.
	RSABits int
}

// Stack is a Vault, a Redis and one or more running Signets in front of them.
type Stack struct {
	Vault *Vault
	Redis *Redis // nil with Options.RedisServers
	// VaultLink and RedisLink are how the Signets reach them: cut one to see
	// what an outage does. RedisLink is nil with Options.RedisServers.
	VaultLink, RedisLink *Proxy
	// Demo may use every grant and introspect; Reader may only introspect tokens
	// of the audience https://api.example.com; Other is a second login service.
	// Demo lists and ends all sessions, Other its own.
	Demo, Reader, Other Client
	// CredentialsDir holds what `signet vault init` wrote: role_id, secret_id;
	// KeeperCredentialsDir the same for a keeper.
	CredentialsDir, KeeperCredentialsDir string
	// RevokedKIDs is keys.revoked_kids of replicas that are started from now on.
	RevokedKIDs []string

	signets []*Signet
	dir     string
	issuer  string // of all replicas: the first one's URL
	options Options
}

// New starts everything and returns when every replica can sign. All of it
// ends with the test.
func New(t testing.TB, options *Options) *Stack {
	t.Helper()
	s := &Stack{dir: t.TempDir()}
	if options != nil {
		s.options = *options
	}
	if s.options.Times == nil {
		s.options.Times = &defaultTimes
	}
	if len(s.options.Rings) == 0 {
		s.options.Rings = []Ring{{Name: "signet-es256", Algorithm: "ES256"}}
	}
	var starting sync.WaitGroup
	if s.options.RedisServers == nil {
		starting.Go(func() { s.Redis = NewRedis(t) })
	}
	if s.options.Raft {
		s.Vault = NewRaftVault(t)
	} else {
		s.Vault = NewVault(t)
	}
	starting.Wait()
	if s.options.Audit {
		s.Vault.EnableAudit(t)
	}
	s.VaultLink = NewProxy(t, strings.TrimPrefix(s.Vault.Addr, "http://"))
	if s.Redis != nil {
		s.RedisLink = NewProxy(t, s.Redis.Addr)
	}
	s.CredentialsDir, s.KeeperCredentialsDir = filepath.Join(s.dir, "credentials"), filepath.Join(s.dir, "keeper")
	s.Demo, s.Reader, s.Other = newClient(t, "demo"), newClient(t, "reader"), newClient(t, "other")
	s.writeClients(t)
	s.vaultInit(t)
	if s.options.BeforeServe != nil {
		s.options.BeforeServe(s)
	}
	for range max(1, s.options.Replicas) {
		s.StartSignet(t)
	}
	if !s.options.NoWait {
		for _, signet := range s.signets {
			signet.WaitReady(t)
		}
	}
	t.Cleanup(func() { s.checkLogs(t) })
	return s
}

// Signet is the i-th replica.
func (s *Stack) Signet(i int) *Signet { return s.signets[i] }

// Config is the i-th replica's configuration file.
func (s *Stack) Config(i int) string {
	return filepath.Join(s.dir, "signet-"+strconv.Itoa(i)+".yaml")
}

// vaultInit runs the very command that an operator runs, with the root token
// that only this command gets.
func (s *Stack) vaultInit(t testing.TB) {
	t.Helper()
	s.issuer = "http://" + FreeAddr(t)
	config := s.writeConfig(t, "init.yaml", FreeAddr(t), FreeAddr(t))
	args := append([]string{
		"vault", "init", "--config", config,
		"--credentials-dir", s.CredentialsDir, "--keeper-credentials-dir", s.KeeperCredentialsDir,
	}, s.options.InitFlags...)
	cmd := exec.Command(SignetBinary(t), args...) //nolint:noctx // bounded by the test
	cmd.Env = append(os.Environ(), "VAULT_ADDR="+s.Vault.Addr, "VAULT_TOKEN="+s.Vault.RootToken)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("signet vault init: %v\n%s", err, out)
	}
}

func (s *Stack) writeConfig(t testing.TB, name, addr, ops string) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("issuer: " + s.issuer + "\n")
	b.WriteString("listen: {address: \"" + addr + "\", drain: 0s}\nops: {address: \"" + ops + "\"}\n")
	b.WriteString("vault:\n  address: http://" + s.VaultLink.Addr + "\n  insecure: true\n")
	b.WriteString("  auth: {method: approle, role_id: {file: credentials/role_id}, secret_id: {file: credentials/secret_id}}\n")
	if s.options.Keeper {
		b.WriteString("keeper: {vault: {auth: {method: approle, role_id: {file: keeper/role_id}, secret_id: {file: keeper/secret_id}}}}\n")
	}
	b.WriteString("rings:\n")
	for _, r := range s.options.Rings {
		bits := ""
		if r.RSABits > 0 {
			bits = ", rsa_bits: " + strconv.Itoa(r.RSABits)
		}
		b.WriteString("  - {name: " + r.Name + ", algorithm: " + r.Algorithm + bits + ", " + s.options.Times.ring() + "}\n")
	}
	b.WriteString(s.options.Times.sections(s.RevokedKIDs))
	b.WriteString("redis: " + s.redisSection() + "\n")
	if len(s.options.Refresh) > 0 {
		b.WriteString("refresh:\n")
		for k, v := range s.options.Refresh {
			b.WriteString("  " + k + ": " + v + "\n")
		}
	}
	b.WriteString("clients: {file: clients.yaml}\n")
	fmt.Fprintf(&b, "audit: {stdout: false, file: %q, replica: %q, fsync: %s}\n", s.recordsFile(name), strings.TrimSuffix(name, ".yaml"), cmp.Or(s.options.Fsync, "everysec"))
	return s.write(t, name, b.String())
}

// redisSection is the redis section in YAML's flow style.
func (s *Stack) redisSection() string {
	servers := s.options.RedisServers
	if servers == nil {
		servers = &RedisServers{Addresses: []string{s.RedisLink.Addr}}
	}
	return fmt.Sprintf(`{addresses: ["%s"], master_name: "%s", cluster: %t, insecure: true}`,
		strings.Join(servers.Addresses, `", "`), servers.MasterName, servers.Cluster)
}

func (s *Stack) writeClients(t testing.TB) {
	t.Helper()
	const policy = `
    subjects: ["*", "user:*"]
    audiences: ["https://api.example.com", "https://billing.example.com"]
    scopes: ["profile", "orders:*"]
    claims: [tenant, roles]
`
	s.write(t, "clients.yaml", "clients:\n"+
		"  - id: demo\n    secrets: [\""+s.Demo.hash+"\"]\n    grants: [client_credentials, refresh_token, issue]"+policy+"    introspect: true\n    sessions: all\n"+
		"  - id: other\n    secrets: [\""+s.Other.hash+"\"]\n    grants: [refresh_token, issue]"+policy+"    sessions: own\n"+
		"  - id: reader\n    secrets: [\""+s.Reader.hash+"\"]\n    grants: []\n    audiences: [\"https://api.example.com\"]\n    introspect: true\n"+
		s.options.Clients)
}

// write replaces the file by rename, as careful operators do.
func (s *Stack) write(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path+".new", []byte(content), 0o600); err != nil {
		t.Fatalf("writing %s: %v", name, err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatalf("writing %s: %v", name, err)
	}
	return path
}

// checkLogs is part of every integration test: no token and no secret may
// have reached a log, and the race detector must have kept silent.
func (s *Stack) checkLogs(t testing.TB) {
	t.Helper()
	for _, signet := range s.signets {
		log := signet.process.log.String()
		records, err := os.ReadFile(signet.records)
		if err != nil && !s.options.NoWait {
			t.Errorf("the issuance records: %v", err)
		}
		log += string(records)
		if strings.Contains(log, "WARNING: DATA RACE") {
			t.Errorf("data race in signet:\n%s", tail(log, 8000))
		}
		begun := map[string]bool{} // thousands of tokens begin alike, and the log is long
		for _, secret := range s.secrets() {
			start := secret[:min(8, len(secret))]
			found, known := begun[start]
			if !known {
				found = strings.Contains(log, start)
				begun[start] = found
			}
			if found && strings.Contains(log, secret) {
				t.Errorf("signet's log contains a secret that begins with %.12q", secret)
			}
		}
	}
}

func (s *Stack) secrets() []string {
	all := []string{s.Demo.Secret, s.Reader.Secret, s.Other.Secret}
	for _, dir := range []string{s.CredentialsDir, s.KeeperCredentialsDir} {
		if b, err := os.ReadFile(filepath.Join(dir, "secret_id")); err == nil {
			all = append(all, strings.TrimSpace(string(b)))
		}
	}
	for _, signet := range s.signets {
		all = append(all, signet.seen.all()...)
	}
	return all
}

// Client is a registered client and its secret.
type Client struct {
	ID, Secret string
	hash       string
}

// newClient asks `signet client new` for the secret, as a user would.
func newClient(t testing.TB, id string) Client {
	t.Helper()
	out, err := exec.Command(SignetBinary(t), "client", "new", "--id", id, "-o", "json").Output() //nolint:noctx // bounded by the test
	if err != nil {
		t.Fatalf("signet client new: %v", err)
	}
	var made struct {
		Secret string `json:"secret"`
		Hash   string `json:"hash"`
	}
	if err := json.Unmarshal(out, &made); err != nil || made.Secret == "" || made.Hash == "" {
		t.Fatalf("signet client new printed %d bytes without secret and hash: %v", len(out), err)
	}
	return Client{ID: id, Secret: made.Secret, hash: made.Hash}
}
