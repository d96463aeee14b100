package integration_test

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/integration"
)

// TestConcurrentRefresh: 64 callers present one refresh token at once, on two
// replicas. One successor, and every caller gets it.
func TestConcurrentRefresh(t *testing.T) {
	stack := integration.New(t, &integration.Options{Replicas: 2})
	_, token := stack.Signet(0).Pair(t, stack.Demo, "user:alice")
	const callers = 64
	replies := make([]integration.Reply, callers)
	errs := make([]error, callers)
	var gate, done sync.WaitGroup
	gate.Add(1)
	for i := range callers {
		done.Go(func() {
			gate.Wait()
			replies[i], errs[i] = stack.Signet(i%2).TryPost("/oauth2/token", stack.Demo,
				url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
		})
	}
	gate.Done()
	done.Wait()
	successors, jtis := map[string]int{}, map[string]bool{}
	for i := range callers {
		if errs[i] != nil {
			t.Fatal(errs[i])
		}
		replies[i].Want(t, http.StatusOK)
		successors[replies[i].String(t, "refresh_token")]++
		jtis[replies[i].String(t, "access_token")] = true
	}
	if len(successors) != 1 {
		t.Fatalf("%d different successors of one refresh token, want 1", len(successors))
	}
	if len(jtis) != callers {
		t.Errorf("%d different access tokens for %d callers", len(jtis), callers)
	}
	for successor := range successors {
		if successor == token {
			t.Error("the successor is the token itself")
		}
		stack.Signet(1).Refresh(t, stack.Demo, successor).Want(t, http.StatusOK)
	}
}

// TestStrictGrace: with grace 0 exactly one of many callers wins.
func TestStrictGrace(t *testing.T) {
	stack := integration.New(t, &integration.Options{Refresh: map[string]string{"grace": "0s"}})
	s := stack.Signet(0)
	_, first := s.Pair(t, stack.Demo, "user:alice")
	second := s.Refresh(t, stack.Demo, first).Want(t, http.StatusOK).String(t, "refresh_token")
	s.Refresh(t, stack.Demo, first).WantError(t, http.StatusBadRequest, "invalid_grant")
	s.Refresh(t, stack.Demo, second).WantError(t, http.StatusBadRequest, "invalid_grant")
}

// TestSessionMemory: 1,000 refreshes leave the session's record within 16
// bytes of its first size, and nothing in Redis is of use as a refresh token.
func TestSessionMemory(t *testing.T) {
	stack := integration.New(t, nil)
	s := stack.Signet(0)
	_, token := s.Pair(t, stack.Demo, "user:alice")
	before := footprint(t, stack.Redis)
	for range 1000 {
		token = s.Refresh(t, stack.Demo, token).Want(t, http.StatusOK).String(t, "refresh_token")
	}
	after := footprint(t, stack.Redis)
	t.Logf("bytes of the session with its index: %d after the first refresh token, %d after 1,000 refreshes", before, after)
	if after > before+16 || after < before-16 {
		t.Errorf("%d bytes before, %d after 1,000 refreshes: want within 16", before, after)
	}

	candidate := regexp.MustCompile(`[A-Za-z0-9_-]{70,}`)
	for key, value := range dump(t, stack.Redis) {
		if strings.Contains(value, token) || strings.Contains(value, strings.TrimPrefix(token, "sgr_")) || strings.Contains(value, "sgr_") {
			t.Fatalf("%s holds a refresh token", key)
		}
		for _, found := range candidate.FindAllString(value+" "+key, -1) {
			for i := 0; i+74 <= len(found); i++ {
				s.Refresh(t, stack.Demo, "sgr_"+found[i:i+74]).WantError(t, http.StatusBadRequest, "invalid_grant")
			}
		}
	}
	s.Refresh(t, stack.Demo, token).Want(t, http.StatusOK)
}

// footprint is MEMORY USAGE of every key of sessions and their indexes; miniredis
// has only lengths.
func footprint(t *testing.T, r *integration.Redis) int64 {
	t.Helper()
	var total int64
	for key, value := range dump(t, r) {
		if !strings.HasPrefix(key, "signet:s:") && !strings.HasPrefix(key, "signet:u:") && !strings.HasPrefix(key, "signet:c:") {
			continue // what key rings share does not grow with sessions
		}
		if !r.Real {
			total += int64(len(key) + len(value))
			continue
		}
		n, err := r.Client.MemoryUsage(t.Context(), key, 0).Result()
		if err != nil {
			t.Fatalf("MEMORY USAGE %s: %v", key, err)
		}
		total += n
	}
	return total
}

// dump reads everything in Redis as text, whatever its type.
func dump(t *testing.T, r *integration.Redis) map[string]string {
	t.Helper()
	ctx := t.Context()
	keys, err := r.Client.Keys(ctx, "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, key := range keys {
		all[key] = valueOf(ctx, t, r, key)
	}
	return all
}

func valueOf(ctx context.Context, t *testing.T, r *integration.Redis, key string) string {
	t.Helper()
	kind, err := r.Client.Type(ctx, key).Result()
	if err != nil {
		t.Fatal(err)
	}
	switch kind {
	case "string":
		v, err := r.Client.Get(ctx, key).Result()
		if err != nil {
			t.Fatal(err)
		}
		return v
	case "zset":
		v, err := r.Client.ZRange(ctx, key, 0, -1).Result()
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(v, " ")
	case "hash":
		v, err := r.Client.HGetAll(ctx, key).Result()
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for k, x := range v {
			b.WriteString(k + " " + x + " ")
		}
		return b.String()
	default:
		t.Fatalf("%s is a %s, which this test cannot read", key, kind)
		return ""
	}
}

// TestEditedRecord: somebody with write access to Redis changes who a session
// belongs to. No token comes of it, only invalid_grant and an event.
func TestEditedRecord(t *testing.T) {
	stack := integration.New(t, nil)
	s := stack.Signet(0)
	edits := map[string]struct{ from, to string }{
		"subject": {"user:alice", "user:admin"},
		"scope":   {"profile", "orders:"},
		"client":  {"demo", "root"},
	}
	for name, edit := range edits {
		t.Run(name, func(t *testing.T) {
			if err := stack.Redis.Client.FlushDB(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
			_, token := s.Pair(t, stack.Demo, "user:alice")
			edited := 0
			for key, value := range dump(t, stack.Redis) {
				if !bytes.Contains([]byte(value), []byte(edit.from)) {
					continue
				}
				changed := strings.Replace(value, edit.from, edit.to, 1)
				if err := stack.Redis.Client.SetRange(t.Context(), key, 0, changed).Err(); err != nil {
					t.Fatal(err)
				}
				edited++
			}
			if edited != 1 {
				t.Fatalf("%d records contain the %s, want 1", edited, name)
			}
			events := strings.Count(s.Log(), "tampered")
			s.Refresh(t, stack.Demo, token).WantError(t, http.StatusBadRequest, "invalid_grant")
			integration.Eventually(t, 2*time.Second, "an event is logged", func() bool {
				return strings.Count(s.Log(), "tampered") > events
			})
		})
	}
}

// TestMangledRefreshTokens: a refresh token changed in any one of its
// characters is worth nothing, and never reaches Redis.
func TestMangledRefreshTokens(t *testing.T) {
	stack := integration.New(t, nil)
	s := stack.Signet(0)
	_, token := s.Pair(t, stack.Demo, "user:alice")
	stack.RedisLink.Cut()
	for i := range token {
		mangled := token[:i] + flip(token[i:i+1]) + token[i+1:]
		if mangled == token {
			t.Fatal("flip changed nothing")
		}
		s.Refresh(t, stack.Demo, mangled).WantError(t, http.StatusBadRequest, "invalid_grant")
	}
	for _, other := range []string{token + "A", token[1:], token[:len(token)-1], token + "\n", " " + token, "sgr_", strings.ToUpper(token)} {
		s.Refresh(t, stack.Demo, other).WantError(t, http.StatusBadRequest, "invalid_grant")
	}
	stack.RedisLink.Restore()
	integration.Eventually(t, 5*time.Second, "the untouched token still works", func() bool {
		return s.Refresh(t, stack.Demo, token).Status == http.StatusOK
	})
}

// TestExpiry: sessions end when they are idle, and at their absolute end
// however busy they are.
func TestExpiry(t *testing.T) {
	t.Run("absolute", func(t *testing.T) {
		stack := integration.New(t, &integration.Options{Refresh: map[string]string{"idle": "10m", "absolute": "10m"}})
		s := stack.Signet(0)
		reply := s.PostJSON(t, "/v1/tokens", stack.Demo, map[string]any{"subject": "user:alice", "refresh": true}).Want(t, http.StatusOK)
		left, ok := reply.JSON["refresh_expires_in"].(float64)
		if !ok || left > 600 || left < 590 {
			t.Errorf("refresh_expires_in %v, want about 600", reply.JSON["refresh_expires_in"])
		}
	})
}
