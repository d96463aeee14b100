package refresh_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/redis/go-redis/v9"

	"signet/internal/redistest"
	"signet/refresh"
	"signet/refresh/refreshtest"
)

func mustCreate(t *testing.T, store *refresh.Store) (string, refresh.Session) {
	t.Helper()
	family, err := refresh.NewFamily(strings.NewReader(time.Now().Format("150405.000000000")))
	if err != nil {
		t.Fatal(err)
	}
	token, session, err := store.Create(t.Context(), family, refresh.Session{ClientID: "login", Subject: "user:alice"})
	if err != nil {
		t.Fatal(err)
	}
	return token, session
}

func refreshOnce(t *testing.T, store *refresh.Store, token string) (string, error) {
	t.Helper()
	a, err := store.Check(t.Context(), token, "login", "")
	if err != nil {
		return "", err
	}
	next, _, err := store.Commit(t.Context(), a)
	return next, err
}

// TestEventsAreLoggedAndCounted without a callback too, and never with a token.
func TestEventsAreLoggedAndCounted(t *testing.T) {
	t.Parallel()
	h := openMini(t)
	var log bytes.Buffer
	registry := prometheus.NewRegistry()
	store := refresh.New(refresh.Config{
		Redis: h.Redis, Keys: refreshtest.NewKeys(), Now: h.Now, Registerer: registry,
		Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	first, session := mustCreate(t, store)
	second, err := refreshOnce(t, store, first)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = refreshOnce(t, store, first); !errors.Is(err, refresh.ErrReuse) { // the default grace is none
		t.Fatalf("error %v, want ErrReuse", err)
	}
	for _, want := range []string{"kind=reuse", "sid=" + session.SID, "client_id=login", "generation=2", "presented=1"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %s: %s", want, log.String())
		}
	}
	if strings.Contains(log.String(), first[4:40]) || strings.Contains(log.String(), second[4:40]) {
		t.Error("the log holds a token")
	}
	err = testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP signet_refresh_events_total Refreshes that were not plain, by kind; all but grace deserve a look.
# TYPE signet_refresh_events_total counter
signet_refresh_events_total{kind="foreign_client"} 0
signet_refresh_events_total{kind="grace"} 0
signet_refresh_events_total{kind="reuse"} 1
signet_refresh_events_total{kind="roll_forward"} 0
signet_refresh_events_total{kind="rolled_back"} 0
signet_refresh_events_total{kind="tampered"} 0
# HELP signet_refresh_refused_total Refresh tokens refused, by cause.
# TYPE signet_refresh_refused_total counter
signet_refresh_refused_total{cause="reuse"} 1
`), "signet_refresh_events_total", "signet_refresh_refused_total")
	if err != nil {
		t.Error(err)
	}
	if n := testutil.CollectAndCount(registry, "signet_refresh_duration_seconds"); n != 4 { // create, check ok and refused, commit
		t.Errorf("%d series of latency, want 4", n)
	}
}

// badKeys answer what no Vault should.
type badKeys struct {
	version int
	secret  []byte
}

func (k badKeys) Current() (int, []byte, error) { return k.version, k.secret, nil }

func (k badKeys) Secret(context.Context, int) ([]byte, bool, error) { return k.secret, true, nil }

func TestUnusableKeys(t *testing.T) {
	t.Parallel()
	h := openMini(t)
	token, _ := mustCreate(t, refresh.New(refresh.Config{Redis: h.Redis, Keys: refreshtest.NewKeys(), Now: h.Now}))
	for name, keys := range map[string]badKeys{
		"no secret": {version: 1}, "short secret": {version: 1, secret: []byte("short")},
		"version 0": {version: 0, secret: make([]byte, 32)}, "more than 16 bits": {version: 65536, secret: make([]byte, 32)},
	} {
		store := refresh.New(refresh.Config{Redis: h.Redis, Keys: keys, Now: h.Now})
		if _, _, err := store.Create(t.Context(), refresh.Family{1}, refresh.Session{}); !errors.Is(err, refresh.ErrUnavailable) {
			t.Errorf("%s: creating: %v, want ErrUnavailable", name, err)
		}
		_, err := store.Check(t.Context(), token, "login", "")
		if len(keys.secret) < 16 && !errors.Is(err, refresh.ErrUnavailable) || err == nil {
			t.Errorf("%s: checking: %v", name, err)
		}
	}
}

// TestRedisOutage: nothing listens, and the answer is prompt.
func TestRedisOutage(t *testing.T) {
	t.Parallel()
	client := dial(t, "127.0.0.1:"+redistest.FreePort(t))
	store := refresh.New(refresh.Config{Redis: client, Keys: refreshtest.NewKeys()})
	if _, _, err := store.Create(t.Context(), refresh.Family{1}, refresh.Session{}); !errors.Is(err, refresh.ErrUnavailable) {
		t.Errorf("creating: %v", err)
	}
	if _, err := store.Denied(t.Context(), refresh.AccessToken{SID: refresh.Family{1}.SID()}); !errors.Is(err, refresh.ErrUnavailable) {
		t.Errorf("asking: %v", err)
	}
	if _, err := store.Revoke(t.Context(), refresh.Family{1}.SID(), ""); !errors.Is(err, refresh.ErrUnavailable) {
		t.Errorf("revoking: %v", err)
	}
	if _, err := store.RevokeAll(t.Context(), refresh.Owner{Subject: "user:alice"}); !errors.Is(err, refresh.ErrUnavailable) {
		t.Errorf("revoking a subject: %v", err)
	}
}

// TestRealRedisRefusesWrites: out of memory, and a replica. Nothing is written,
// nothing is answered, and afterwards the token is as good as before.
func TestRealRedisRefusesWrites(t *testing.T) {
	t.Parallel()
	addr, ok := redistest.Start(t)
	if !ok {
		return // TestRedis fails a strict run without a server
	}
	client := dial(t, addr)
	store := refresh.New(refresh.Config{Redis: client, Keys: refreshtest.NewKeys(), Grace: time.Minute, Timeout: 10 * time.Second})
	token, session := mustCreate(t, store)
	set := func(name, value string) {
		t.Helper()
		if err := client.ConfigSet(t.Context(), name, value).Err(); err != nil {
			t.Fatal(err)
		}
	}
	before := everything(t, client)
	refused := func(what string) {
		t.Helper()
		if _, err := refreshOnce(t, store, token); !errors.Is(err, refresh.ErrUnavailable) {
			t.Errorf("%s: refreshing: %v, want ErrUnavailable", what, err)
		}
		if _, err := store.Revoke(t.Context(), session.SID, ""); !errors.Is(err, refresh.ErrUnavailable) {
			t.Errorf("%s: revoking: %v, want ErrUnavailable", what, err)
		}
		if _, _, err := store.Create(t.Context(), refresh.Family{1}, refresh.Session{Subject: "x"}); !errors.Is(err, refresh.ErrUnavailable) {
			t.Errorf("%s: creating: %v, want ErrUnavailable", what, err)
		}
		for _, o := range []refresh.Owner{{Subject: session.Subject}, {ClientID: session.ClientID}} {
			if _, err := store.RevokeAll(t.Context(), o); !errors.Is(err, refresh.ErrUnavailable) {
				t.Errorf("%s: revoking all: %v, want ErrUnavailable", what, err)
			}
		}
		if after := everything(t, client); !maps.Equal(after, before) {
			t.Errorf("%s: something was written: %q, before %q", what, after, before)
		}
	}
	set("maxmemory", "1")
	refused("out of memory")
	set("maxmemory", "0")
	set("min-replicas-to-write", "1")
	refused("too few replicas")
	set("min-replicas-to-write", "0")
	if err := client.Do(t.Context(), "REPLICAOF", "127.0.0.1", redistest.FreePort(t)).Err(); err != nil {
		t.Fatal(err)
	}
	refused("a replica")
	if err := client.Do(t.Context(), "REPLICAOF", "NO", "ONE").Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := refreshOnce(t, store, token); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// everything is each key's value as DUMP has it.
func everything(t *testing.T, client *redis.Client) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, key := range client.Keys(t.Context(), "*").Val() {
		all[key] = client.Dump(t.Context(), key).Val()
	}
	if len(all) == 0 {
		t.Fatal("there is nothing in Redis")
	}
	return all
}

// TestLeastPrivilege: the ACL user of doc.go can do everything, and no more is
// needed.
func TestLeastPrivilege(t *testing.T) {
	t.Parallel()
	addr, ok := redistest.Start(t)
	if !ok {
		return // TestRedis fails a strict run without a server
	}
	admin := dial(t, addr)
	err := admin.Do(t.Context(), "ACL", "SETUSER", "signet", "on", ">secret", "resetkeys", "~signet:s:*", "~signet:u:*", "~signet:c:*", "~signet:n?:*", "-@all",
		"+eval", "+evalsha", "+get", "+set", "+time", "+zadd", "+zrange", "+zrandmember", "+zrem", "+zcount", "+pttl", "+pexpireat", "+hello").Err()
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(&redis.Options{Addr: addr, Username: "signet", Password: "secret", ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = client.Close() })
	store := refresh.New(refresh.Config{Redis: client, Keys: refreshtest.NewKeys(), Grace: time.Minute, Timeout: 10 * time.Second})
	token, session := mustCreate(t, store)
	if _, err := refreshOnce(t, store, token); err != nil {
		t.Errorf("refreshing: %v", err)
	}
	if denied, err := store.Denied(t.Context(), refresh.AccessToken{SID: session.SID, Subject: session.Subject}); err != nil || denied {
		t.Errorf("denied %v, %v", denied, err)
	}
	if found, _, err := store.List(t.Context(), refresh.ListRequest{Owner: refresh.Owner{Subject: session.Subject}}); err != nil || len(found) != 1 {
		t.Errorf("listed %v, %v", found, err)
	}
	if n, err := store.RevokeAll(t.Context(), refresh.Owner{Subject: session.Subject}); err != nil || n != 1 {
		t.Errorf("revoked %d, %v", n, err)
	}
	// An index that cannot be tidied up is walked once all the same.
	if err := admin.Do(t.Context(), "ACL", "SETUSER", "signet", "-zrem").Err(); err != nil {
		t.Fatal(err)
	}
	token, session = mustCreate(t, store)
	if n, err := store.RevokeAll(t.Context(), refresh.Owner{Subject: session.Subject}); err != nil || n != 1 {
		t.Errorf("without ZREM: revoked %d, %v", n, err)
	}
	// A right that is missing is a misconfiguration, never a verdict on a token.
	if err := admin.Do(t.Context(), "ACL", "SETUSER", "signet", "-get").Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := refreshOnce(t, store, token); !errors.Is(err, refresh.ErrUnavailable) {
		t.Errorf("without GET: %v, want ErrUnavailable", err)
	}
}
