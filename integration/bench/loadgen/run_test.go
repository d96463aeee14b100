package loadgen

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// serve is a target that answers with the count of its requests, and wants each
// to bring the last answer back.
func serve(t *testing.T, handle http.HandlerFunc) Target {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	return Target{Addr: server.Listener.Addr().String(), NewCaller: func() Caller {
		return func(answer []byte) ([]byte, error) {
			return fmt.Appendf(nil, "GET /?last=%s HTTP/1.1\r\nHost: x\r\n\r\n", answer), nil
		}
	}}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	var served, first atomic.Int64
	target := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("last") == "" {
			first.Add(1)
		}
		_, _ = fmt.Fprint(w, served.Add(1))
	})
	edges := 0
	r, err := Closed(t.Context(), Config{Target: target, Connections: 3, Warm: 20 * time.Millisecond, Length: 200 * time.Millisecond, Edge: func() { edges++ }})
	if err != nil {
		t.Fatal(err)
	}
	if r.Answers == 0 || int64(r.Answers) > served.Load() || r.Rate != float64(r.Answers)/0.2 {
		t.Errorf("%+v of %d answers", r, served.Load())
	}
	if r.P50 <= 0 || r.P99 < r.P50 || r.P999 < r.P99 {
		t.Errorf("%+v", r)
	}
	if edges != 2 || first.Load() != 3 {
		t.Errorf("%d edges, %d first requests, want 2 and one a connection", edges, first.Load())
	}
}

// TestOthers: connections are spread evenly.
func TestOthers(t *testing.T) {
	t.Parallel()
	var first [2]atomic.Int64
	var targets [2]Target
	for i := range targets {
		targets[i] = serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("last") == "" {
				first[i].Add(1)
			}
			_, _ = fmt.Fprint(w, "x")
		})
	}
	targets[0].Others = []string{targets[1].Addr}
	if _, err := Closed(t.Context(), Config{Target: targets[0], Connections: 6, Length: 100 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	if first[0].Load() != 3 || first[1].Load() != 3 {
		t.Errorf("%d and %d connections, want 3 each", first[0].Load(), first[1].Load())
	}
}

// TestOpen: a server that stalls once is charged for everybody who came
// meanwhile, not only for the one that it kept.
func TestOpen(t *testing.T) {
	t.Parallel()
	const stall, rate = 200 * time.Millisecond, 1000.0
	var served atomic.Int64
	target := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if served.Add(1) == 50 {
			<-time.After(stall) // it is this that is measured
		}
		_, _ = fmt.Fprint(w, "x")
	})
	r, err := Open(t.Context(), Config{Target: target, Connections: 1, Length: 500 * time.Millisecond}, rate)
	if err != nil {
		t.Fatal(err)
	}
	if want := int64(len(schedule(rand.New(rand.NewPCG(1, 2)), rate, 500*time.Millisecond))); served.Load() != want {
		t.Errorf("%d requests, want all %d that were due", served.Load(), want)
	}
	// 200 of 500 were due within the stall, and waited half of it in the mean.
	if r.P99 < stall/2 {
		t.Errorf("p99 %v after a stall of %v", r.P99, stall)
	}
}

// TestRefused: a 503 is no answer, and the request is sent again.
func TestRefused(t *testing.T) {
	t.Parallel()
	var served, refused atomic.Int64
	target := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if served.Add(1)%3 == 0 {
			refused.Add(1)
			http.Error(w, "not now", http.StatusServiceUnavailable)
			return
		}
		if last := r.URL.Query().Get("last"); last != "" && last != "x" {
			t.Errorf("the last answer is said to be %q", last)
		}
		_, _ = fmt.Fprint(w, "x")
	})
	r, err := Closed(t.Context(), Config{Target: target, Connections: 2, Length: 50 * time.Millisecond})
	if err != nil || int64(r.Refused) != refused.Load() || r.Refused == 0 || int64(r.Answers) > served.Load()-refused.Load() {
		t.Errorf("%+v, %v: %d served, %d refused", r, err, served.Load(), refused.Load())
	}
}

func TestRunsFail(t *testing.T) {
	t.Parallel()
	busy := serve(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "too busy", http.StatusTooManyRequests) })
	gone := serve(t, nil)
	gone.Addr = "127.0.0.1:1"
	wrong := busy
	errWrong := errors.New("the answer is wrong")
	wrong.NewCaller = func() Caller { return func([]byte) ([]byte, error) { return nil, errWrong } }
	ended, end := context.WithCancel(t.Context())
	end()
	for name, c := range map[string]struct {
		ctx    context.Context //nolint:containedctx // of this case
		target Target
		says   string
	}{
		"a status":        {t.Context(), busy, "status 429: too busy"},
		"nobody there":    {t.Context(), gone, "refused"},
		"a wrong answer":  {t.Context(), wrong, errWrong.Error()},
		"the user's word": {ended, busy, "cancel"},
	} {
		cfg := Config{Target: c.target, Connections: 2, Length: 50 * time.Millisecond}
		_, closed := Closed(c.ctx, cfg)
		_, open := Open(c.ctx, cfg, 1000)
		for _, err := range []error{closed, open} {
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestPercentiles: of all values so many of 1,000 are at most the percentile,
// and of any lesser value fewer are.
func TestPercentiles(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(rapid.Map(rapid.IntRange(0, 50), func(n int) time.Duration { return time.Duration(n) }), 1, 300).Draw(t, "latencies")
		permille := rapid.IntRange(1, 1000).Draw(t, "permille")
		slices.Sort(all)
		got := percentile(all, permille)
		atMost := func(d time.Duration) int {
			return len(slices.DeleteFunc(slices.Clone(all), func(v time.Duration) bool { return v > d }))
		}
		if 1000*atMost(got) < permille*len(all) || 1000*atMost(got-1) >= permille*len(all) {
			t.Fatalf("percentile %d of %v is %v", permille, all, got)
		}
	})
}

func TestSummarise(t *testing.T) {
	t.Parallel()
	r, err := Summarise([][]time.Duration{{4, 2}, nil, {1, 3}}, 2*time.Second)
	if want := (Result{Answers: 4, Rate: 2, P50: 2, P99: 4, P999: 4}); err != nil || r != want {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := Summarise(make([][]time.Duration, 3), time.Second); err == nil {
		t.Error("nothing was summarised")
	}
}

// TestSchedule: in order, within the length, and as many as the rate says give
// or take six standard deviations.
func TestSchedule(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.Float64Range(100, 20_000).Draw(t, "rate")
		length := time.Duration(rapid.IntRange(100, 2000).Draw(t, "ms")) * time.Millisecond
		arrivals := schedule(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1)), rate, length)
		if !slices.IsSorted(arrivals) || len(arrivals) > 0 && (arrivals[0] < 0 || arrivals[len(arrivals)-1] >= length) {
			t.Fatal("not in order, or outside")
		}
		want := rate * length.Seconds()
		if off := float64(len(arrivals)) - want; off*off > 36*want {
			t.Fatalf("%d arrivals, want about %.0f", len(arrivals), want)
		}
	})
}
