package deployredis_test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"signet/internal/redistest"
	"signet/internal/replicated"
	"signet/internal/sharedstate"
	"signet/refresh"
)

const masterName = "mymaster"

// house are the files' values in a test's own place.
type house struct {
	files redistest.PEMFiles
	acl   string
}

func newHouse(t *testing.T) *house {
	t.Helper()
	return &house{files: redistest.Certificates(t), acl: aclFile(t)}
}

// config is one of the files for redistest.StartConfigured.
func (h *house) config(t *testing.T, name string) string {
	t.Helper()
	return strings.NewReplacer(
		"/etc/redis/tls/ca.pem", h.files.CA, "/etc/redis/tls/redis.pem", h.files.Cert, "/etc/redis/tls/redis-key.pem", h.files.Key,
		"/etc/redis/users.acl", h.acl, "/var/lib/redis-sentinel", "DIR", "/var/lib/redis", "DIR",
		"bind *", "bind 127.0.0.1", "tls-port 26379", "tls-port PORT", "tls-port 6379", "tls-port PORT",
	).Replace(file(t, name))
}

// signet is how Signet's configuration reaches them.
func (h *house) signet(addresses ...string) sharedstate.Config {
	return sharedstate.Config{
		Addresses: addresses, Username: "signet", Password: password,
		TLS: &sharedstate.TLS{CACert: h.files.CA, Cert: h.files.Cert, Key: h.files.Key},
	}
}

// admin may do everything on one server.
func (h *house) admin(t *testing.T, addr string) *redis.Client {
	t.Helper()
	return redis.NewClient(h.adminOptions(t, addr))
}

func (h *house) adminOptions(t *testing.T, addr string) *redis.Options {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(h.files.Cert, h.files.Key)
	if err != nil {
		t.Fatal(err)
	}
	authority, err := os.ReadFile(h.files.CA)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	return &redis.Options{
		Addr: addr, Username: "admin", Password: password,
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, Certificates: []tls.Certificate{pair}},
	}
}

// TestSentinel: a primary, a replica and three Sentinels by the files, over TLS
// with client certificates.
func TestSentinel(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	primary, ok := redistest.StartConfigured(t, h.config(t, "redis.conf"))
	if !ok {
		return // a strict run has failed
	}
	replica, _ := redistest.StartConfigured(t, h.config(t, "redis.conf"), "--replicaof", "127.0.0.1 "+primary.Port)
	text := strings.ReplaceAll(h.config(t, "sentinel.conf"), "192.0.2.1 6379", "127.0.0.1 "+primary.Port)
	var addresses []string
	var sentinels []*redis.Client
	for range 3 {
		s, _ := redistest.StartConfigured(t, text, "--sentinel")
		client := h.admin(t, s.Addr)
		t.Cleanup(func() { _ = client.Close() })
		addresses, sentinels = append(addresses, s.Addr), append(sentinels, client)
	}
	c := h.signet(addresses...)
	c.MasterName, c.SentinelUsername, c.SentinelPassword = masterName, "signet-sentinel", password
	eventually(t, "the sentinels know of each other and of the replica", func() bool {
		return len(sharedstate.CheckSentinels(t.Context(), c)) == 0 && sees(t, sentinels, "num-slaves", "1")
	})
	servers := []*redis.Client{h.admin(t, primary.Addr), h.admin(t, replica.Addr)}
	for _, s := range servers {
		t.Cleanup(func() { _ = s.Close() })
	}
	client := open(t, c)
	untilItWorks(t, func() ([]string, error) {
		forgive(t, servers[0])
		err := work(t.Context(), t, client, 1)
		return refusals(t, servers[0], "signet"), err
	})
	signetsSentinelUser(t, c, sentinels, addresses)
	unconfirmedRevocation(t, open(t, c), replica)
	failover(t, client, sentinels, servers, replica.Addr)
}

// sees reports whether every Sentinel says so of the master.
func sees(t *testing.T, sentinels []*redis.Client, name, value string) bool {
	t.Helper()
	return !slices.ContainsFunc(sentinels, func(s *redis.Client) bool {
		answer, err := s.Do(t.Context(), "SENTINEL", "MASTER", masterName).Result()
		facts, ok := answer.(map[any]any)
		return err != nil || !ok || facts[name] != value
	})
}

// signetsSentinelUser is refused something as soon as one right is taken away.
func signetsSentinelUser(t *testing.T, c sharedstate.Config, sentinels []*redis.Client, addresses []string) {
	t.Helper()
	c.Addresses = addresses[:1] // go-redis asks whichever answers first
	all := rules(t, file(t, "sentinel.conf"), c.SentinelUsername)
	for _, rule := range grants(all) {
		for _, s := range sentinels { // they tell of each other
			give(t, s, c.SentinelUsername, without(all, rule))
		}
		client := open(t, c)
		eventually(t, "without "+rule+" something is refused", func() bool {
			_ = client.Ping(t.Context())
			sharedstate.CheckSentinels(t.Context(), c)
			return slices.ContainsFunc(sentinels, func(s *redis.Client) bool { return len(refusals(t, s, c.SentinelUsername)) > 0 })
		})
		for _, s := range sentinels {
			give(t, s, c.SentinelUsername, all)
			if err := s.Do(t.Context(), "ACL", "LOG", "RESET").Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// failover is one that an operator asks for: Signet finds the new primary, and
// nobody was refused anything on the way.
func failover(t *testing.T, client redis.UniversalClient, sentinels, servers []*redis.Client, to string) {
	t.Helper()
	for _, server := range slices.Concat(sentinels, servers) {
		if err := server.Do(t.Context(), "ACL", "LOG", "RESET").Err(); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "a failover begins", func() bool {
		return sentinels[0].Do(t.Context(), "SENTINEL", "FAILOVER", masterName).Err() == nil
	})
	_, port, _ := strings.Cut(to, ":")
	eventually(t, "every sentinel knows the new primary", func() bool { return sees(t, sentinels, "port", port) })
	eventually(t, "the old primary follows it", func() bool {
		return strings.Contains(servers[0].Info(t.Context(), "replication").Val(), "master_link_status:up")
	})
	eventually(t, "sessions go on", func() bool { return sessions(t.Context(), t, client, 1) == nil })
	for _, server := range slices.Concat(sentinels, servers) {
		for _, user := range []string{"signet", "signet-sentinel", "sentinel", "peer", "replica", "default"} {
			if got := refusals(t, server, user); len(got) > 0 {
				t.Errorf("%s refused %s %v", server.Options().Addr, user, got)
			}
		}
	}
}

// unconfirmedRevocation: while the replica hangs no revocation is confirmed,
// however often; afterwards it is, and the replica has it.
func unconfirmedRevocation(t *testing.T, client redis.UniversalClient, replicas ...*redistest.Process) {
	t.Helper()
	store := newStore(client, 1)
	token, session := login(t, store)
	for _, r := range replicas {
		r.Halt(t)
	}
	ways := map[string]func(context.Context) error{
		"the session": func(ctx context.Context) error { _, err := store.Revoke(ctx, session.SID, ""); return err },
		"the subject": func(ctx context.Context) error {
			_, err := store.RevokeAll(ctx, refresh.Owner{Subject: subject})
			return err
		},
		"a jti": func(ctx context.Context) error {
			return sharedstate.NewDenylist(client, 1).Deny(ctx, "other", time.Minute)
		},
	}
	for what, revoke := range ways {
		for range 2 {
			unreplicated(t, what, revoke)
		}
	}
	for _, r := range replicas {
		r.Resume(t)
	}
	for what, revoke := range ways {
		eventually(t, what+" is revoked, and the replica has it", func() bool { return revoke(t.Context()) == nil })
	}
	if err := refreshed(t.Context(), store, token); err == nil {
		t.Error("the session goes on")
	}
}

func login(t *testing.T, store *refresh.Store) (token string, session refresh.Session) {
	t.Helper()
	eventually(t, "a login", func() bool {
		family, err := refresh.NewFamily(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		token, session, err = store.Create(t.Context(), family, refresh.Session{ClientID: clientID, Subject: subject})
		return err == nil
	})
	return token, session
}

// TestCluster: three nodes by the files, over TLS with client certificates.
func TestCluster(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c, ok := redistest.StartCluster(t, redistest.ClusterConfig{
		Masters: 3, Replicas: 1, Config: h.config(t, "redis.conf"),
		Admin: func(addr string) *redis.Client { return h.admin(t, addr) },
	})
	if !ok {
		return // a strict run has failed
	}
	signet := h.signet(c.Masters[0].Addr, c.Masters[1].Addr)
	signet.Cluster = true
	try := func() (refused []string, err error) {
		client := open(t, signet)
		for _, n := range c.Nodes() {
			forgive(t, n.Admin)
		}
		err = work(t.Context(), t, client, 1)
		for _, n := range c.Nodes() {
			refused = append(refused, refusals(t, n.Admin, "signet")...)
		}
		return refused, err
	}
	untilItWorks(t, try)
	all := rules(t, file(t, "users.acl"), "signet")
	everywhere := func(rules []string) {
		for _, n := range c.Nodes() {
			give(t, n.Admin, "signet", rules)
		}
	}
	for _, rule := range onlyCluster {
		everywhere(without(all, rule))
		if refused, _ := try(); len(refused) == 0 && rule != "+asking" {
			t.Errorf("without %s nothing is refused", rule)
		}
	}
	everywhere(all)
	var replicas []*redistest.Process
	for _, r := range c.Replicas {
		replicas = append(replicas, r[0].Process)
	}
	unconfirmedRevocation(t, open(t, signet), replicas...)
	sentOn(t, c, open(t, signet), everywhere)
}

// sentOn: a session in a slot that is under way is found by ASKING.
func sentOn(t *testing.T, c *redistest.Cluster, client redis.UniversalClient, everywhere func([]string)) {
	t.Helper()
	store := newStore(client, 1)
	token, session := login(t, store)
	at, slot := c.Owner(t, "signet:s:"+session.SID)
	c.Leave(t, slot, c.Masters[at], c.Masters[(at+1)%3])
	eventually(t, "the session is found", func() bool { _, err := store.Inspect(t.Context(), token); return err == nil })
	all := rules(t, file(t, "users.acl"), "signet")
	everywhere(without(all, "+asking"))
	if _, err := store.Inspect(t.Context(), token); err == nil {
		t.Error("the session is found without +asking")
	}
	everywhere(all)
	eventually(t, "the session is revoked where it is", func() bool {
		_, err := store.Revoke(t.Context(), session.SID, "")
		if redis.HasErrorPrefix(err, "ASK") {
			t.Fatal(err)
		}
		return err == nil
	})
}

// unreplicated wants the verdict. On a busy machine the answer may come later
// than the client waits for it: that is another ErrUnavailable.
func unreplicated(t *testing.T, what string, revoke func(context.Context) error) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := revoke(t.Context())
		switch {
		case errors.Is(err, replicated.ErrNotReplicated) && unavailable(err):
			return
		case !unavailable(err), time.Now().After(deadline):
			t.Fatalf("revoking %s without a replica: %v", what, err)
		}
	}
}

func unavailable(err error) bool {
	return errors.Is(err, refresh.ErrUnavailable) || errors.Is(err, sharedstate.ErrUnavailable)
}
