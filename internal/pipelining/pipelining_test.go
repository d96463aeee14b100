package pipelining_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"signet/internal/pipelining"
	"signet/internal/redistest"
	"signet/internal/sharedstate"
)

// TestAnswers: whoever asks at the same time, each gets his own answer, whatever
// the others' are.
func TestAnswers(t *testing.T) {
	t.Parallel()
	servers := map[string]func(*testing.T) (redis.UniversalClient, bool){
		"miniredis": func(t *testing.T) (redis.UniversalClient, bool) {
			return redistest.Open(t, sharedstate.Config{Addresses: []string{miniredis.RunT(t).Addr()}}), true
		},
		"redis": func(t *testing.T) (redis.UniversalClient, bool) {
			addr, ok := redistest.Server(t)
			return redistest.Open(t, sharedstate.Config{Addresses: []string{addr}}), ok
		},
		"cluster": func(t *testing.T) (redis.UniversalClient, bool) {
			cluster, ok := redistest.StartCluster(t, redistest.ClusterConfig{Masters: 3})
			if !ok {
				return nil, false
			}
			return redistest.Open(t, sharedstate.Config{Addresses: []string{cluster.Masters[0].Addr}, Cluster: true}), true
		},
	}
	for name, start := range servers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, ok := start(t)
			if !ok {
				return
			}
			trips := &counted{}
			if single, ok := server.(*redis.Client); ok {
				single.AddHook(trips)
			}
			c := pipelining.New(pipelining.Config{Redis: server})
			gone, cancel := context.WithCancel(t.Context())
			cancel()
			if err := c.Process(gone, redis.NewStatusCmd(gone, "set", "gone", "x")); !errors.Is(err, context.Canceled) || server.Exists(t.Context(), "gone").Val() != 0 {
				t.Errorf("who is gone already is told %v", err)
			}
			var callers sync.WaitGroup
			for i := range 24 {
				callers.Go(func() { converse(t, server, c, fmt.Sprintf("%s:%d", t.Name(), i)) })
			}
			callers.Wait()
			t.Logf("%d commands in %d round trips", trips.commands.Load(), trips.trips.Load())
			if trips.commands.Load() < trips.trips.Load()*3/2 && name != "cluster" {
				t.Error("hardly anybody shared a round trip")
			}
		})
	}
}

// counted counts round trips, and the commands in them.
type counted struct{ trips, commands atomic.Int64 }

func (*counted) DialHook(next redis.DialHook) redis.DialHook { return next }

func (n *counted) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		n.trips.Add(1)
		n.commands.Add(1)
		return next(ctx, cmd)
	}
}

func (n *counted) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		n.trips.Add(1)
		n.commands.Add(int64(len(cmds)))
		return next(ctx, cmds)
	}
}

// converse asks again and again, as callers do: for what is there, what is not,
// what is of another type, and for scripts that the server has forgotten.
func converse(t *testing.T, server redis.UniversalClient, c *pipelining.Client, key string) {
	t.Helper()
	ctx := t.Context()
	script := redis.NewScript("return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}")
	key = "{" + key + "}"
	if err := server.LPush(ctx, key+":list", "x").Err(); err != nil {
		t.Error(err)
	}
	for i := range 100 {
		if i%40 == 20 {
			server.ScriptFlush(ctx)
		}
		want := fmt.Sprint([]any{key, "arg" + key, int64(i + 1)})
		if got, err := script.Run(ctx, c, []string{key}, "arg"+key).Slice(); err != nil || fmt.Sprint(got) != want {
			t.Errorf("the script answered %v, %v, want %s", got, err, want)
			return
		}
		there, none, list := redis.NewStringCmd(ctx, "get", key), redis.NewStringCmd(ctx, "get", key+":none"), redis.NewStringCmd(ctx, "get", key+":list")
		if err := c.Process(ctx, list, there, none); err != nil {
			t.Error(err)
			return
		}
		if there.Val() != fmt.Sprint(i+1) || there.Err() != nil || !errors.Is(none.Err(), redis.Nil) || !redis.HasErrorPrefix(list.Err(), "WRONGTYPE") {
			t.Errorf("%v; %v; %v", there, none, list)
			return
		}
	}
}

// TestHungServer: each caller leaves when his own time is over, and who has more
// is answered when the server goes on.
func TestHungServer(t *testing.T) {
	t.Parallel()
	process, ok := redistest.StartProcess(t)
	if !ok {
		return
	}
	server := redis.NewClient(&redis.Options{
		Addr: process.Addr, MaxRetries: -1, ContextTimeoutEnabled: true, ReadTimeout: time.Minute, WriteTimeout: time.Minute,
	})
	defer func() { _ = server.Close() }()
	if err := server.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	c := pipelining.New(pipelining.Config{Redis: server})
	process.Halt(t)
	set := func(ctx context.Context, key string) error {
		cmd := redis.NewStatusCmd(ctx, "set", key, "x")
		if err := c.Process(ctx, cmd); err != nil {
			return err
		}
		return cmd.Err()
	}
	var patient, hasty sync.WaitGroup
	for i := range 20 {
		patient.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := set(ctx, fmt.Sprintf("patient%d", i)); err != nil {
				t.Errorf("with a minute: %v", err)
			}
		})
		hasty.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			// Alone with others like it, its round trip ends when its own time does.
			if err := set(ctx, fmt.Sprintf("hasty%d", i)); !errors.Is(err, context.DeadlineExceeded) && !timedOut(err) {
				t.Errorf("with 50 ms: %v", err)
			}
		})
	}
	hasty.Wait()
	process.Resume(t)
	patient.Wait()
	if n, err := server.Exists(t.Context(), "patient0", "patient7", "patient19").Result(); n != 3 || err != nil {
		t.Errorf("%d are there, %v", n, err)
	}
}

func timedOut(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// TestRefusedConnection: what a server says instead of opening a connection is told
// to each command.
func TestRefusedConnection(t *testing.T) {
	t.Parallel()
	mini := miniredis.RunT(t)
	mini.RequireUserAuth("signet", "right")
	c := pipelining.New(pipelining.Config{Redis: redistest.Open(t, sharedstate.Config{Addresses: []string{mini.Addr()}, Username: "signet", Password: "wrong"})})
	several := []redis.Cmder{redis.NewStringCmd(t.Context(), "get", "a"), redis.NewStatusCmd(t.Context(), "set", "b", "x"), redis.NewCmd(t.Context(), "incr", "c")}
	if err := c.Process(t.Context(), several...); err != nil {
		t.Fatal(err)
	}
	for _, cmd := range several {
		if !redis.HasErrorPrefix(cmd.Err(), "WRONGPASS") {
			t.Errorf("%v: %v, want WRONGPASS", cmd, cmd.Err())
		}
	}
}

// TestSilentNode: a node of a cluster that says nothing holds up nobody who has
// nothing to do with it.
func TestSilentNode(t *testing.T) {
	t.Parallel()
	cluster, ok := redistest.StartCluster(t, redistest.ClusterConfig{Masters: 3})
	if !ok {
		return
	}
	cluster.Isolate(t)
	server := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: []string{cluster.Masters[1].Addr, cluster.Masters[2].Addr}, MaxRetries: -1, ContextTimeoutEnabled: true,
		ReadTimeout: time.Minute, WriteTimeout: time.Minute,
	})
	defer func() { _ = server.Close() }()
	c := pipelining.New(pipelining.Config{Redis: server})
	if err := server.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	at := map[string]int{}
	for i := range 60 {
		key := fmt.Sprint("key", i)
		at[key], _ = cluster.Owner(t, key)
	}
	cluster.Masters[0].Halt(t)
	silent, giveUp := context.WithTimeout(t.Context(), 2*time.Second)
	defer giveUp()
	var all, others sync.WaitGroup
	for key, node := range at {
		if node == 0 {
			all.Go(func() {
				cmd := redis.NewStringCmd(silent, "get", key)
				if err := errors.Join(c.Process(silent, cmd), cmd.Err()); err == nil || errors.Is(err, redis.Nil) {
					t.Errorf("the silent node answered: %v", err)
				}
			})
			continue
		}
		others.Go(func() {
			for range 20 {
				cmd := redis.NewStringCmd(silent, "get", key)
				if err := c.Process(silent, cmd); err != nil || !errors.Is(cmd.Err(), redis.Nil) {
					t.Errorf("%v, %v", err, cmd.Err())
				}
			}
		})
	}
	others.Wait()
	if silent.Err() != nil {
		t.Error("the silent node held up the others")
	}
	all.Wait()
}

// TestFailoverBehindAName: the name of a server leads to another one, and the old
// one takes no writes any more. go-redis leaves a connection for that only if the
// first command of a round trip was refused; soon enough one is.
func TestFailoverBehindAName(t *testing.T) {
	t.Parallel()
	old, ok := redistest.StartProcess(t)
	if !ok {
		return
	}
	fresh, _ := redistest.StartProcess(t)
	var leads atomic.Pointer[string]
	leads.Store(&old.Addr)
	server := redis.NewClient(&redis.Options{
		MaxRetries: -1, ContextTimeoutEnabled: true, PoolSize: 64,
		Dialer: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, *leads.Load())
		},
	})
	defer func() { _ = server.Close() }()
	c := pipelining.New(pipelining.Config{Redis: server})
	var moved, refusedOnce atomic.Bool
	used := make(chan struct{}, 2000) // by each write that the old one took
	var callers sync.WaitGroup
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for i := range 32 {
		callers.Go(func() {
			for arrived := 0; arrived < 10 && ctx.Err() == nil; { // reads come first, as a check before its commit
				read, write := redis.NewStringCmd(ctx, "get", "key"), redis.NewStatusCmd(ctx, "set", fmt.Sprint(i), "x")
				_ = c.Process(ctx, read)
				if err := c.Process(ctx, write); err != nil {
					break
				}
				switch after := moved.Load(); {
				case redis.HasErrorPrefix(write.Err(), "READONLY"):
					refusedOnce.Store(true)
					arrived = 0
				case write.Err() == nil && after:
					arrived++
				case write.Err() == nil && len(used) < 1000:
					used <- struct{}{}
				}
			}
		})
	}
	for range 500 {
		<-used
	}
	leads.Store(&fresh.Addr)
	admin := redis.NewClient(&redis.Options{Addr: old.Addr})
	defer func() { _ = admin.Close() }()
	host, port, _ := strings.Cut(fresh.Addr, ":")
	if err := admin.ReplicaOf(ctx, host, port).Err(); err != nil {
		t.Fatal(err)
	}
	moved.Store(true)
	callers.Wait()
	if ctx.Err() != nil || !refusedOnce.Load() {
		t.Errorf("after 30 s some still write to a replica (%v), or nobody ever did (%v)", ctx.Err() != nil, !refusedOnce.Load())
	}
}
