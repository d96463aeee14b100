package sharedwrite_test

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"signet/internal/sharedwrite"
)

// place keeps each write.
type place struct {
	mu     sync.Mutex
	writes []string
}

func (p *place) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writes = append(p.writes, string(b))
	return len(b), nil
}

func (p *place) got() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.writes)
}

const wait = 10 * time.Millisecond

func TestLinesShareAWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p place
		w := sharedwrite.New(&p, wait)
		for _, line := range []string{"a\n", "b\n", "c\n"} {
			if n, err := w.Write([]byte(line)); n != 2 || err != nil {
				t.Fatal(n, err)
			}
		}
		time.Sleep(wait - time.Nanosecond)
		if synctest.Wait(); len(p.got()) != 0 {
			t.Errorf("%q too early", p.got())
		}
		time.Sleep(time.Nanosecond)
		if synctest.Wait(); !slices.Equal(p.got(), []string{"a\nb\nc\n"}) {
			t.Errorf("%q", p.got())
		}
		_, _ = w.Write([]byte("d\n"))
		time.Sleep(wait)
		if synctest.Wait(); len(p.got()) != 2 {
			t.Errorf("%q", p.got())
		}
	})
}

// TestMuchDoesNotWait, and a line is never in two pieces.
func TestMuchDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p place
		w := sharedwrite.New(&p, time.Hour)
		line := []byte(strings.Repeat("x", 999) + "\n")
		for range 100 {
			_, _ = w.Write(line)
		}
		for _, write := range p.got() {
			if len(write)%1000 != 0 || len(write) < 32<<10 {
				t.Errorf("%d bytes at once", len(write))
			}
		}
		if len(p.got()) != 3 {
			t.Errorf("%d writes", len(p.got()))
		}
		w.Flush()
		if all := strings.Join(p.got(), ""); all != strings.Repeat(string(line), 100) {
			t.Errorf("%d bytes in all", len(all))
		}
		time.Sleep(time.Hour)
	})
}

func TestOnlyWhatMayWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p place
		log := slog.New(sharedwrite.JSON(sharedwrite.New(&p, wait), slog.LevelInfo, func(r *slog.Record) bool { return r.Message == "first" })).With("a", 1).WithGroup("g")
		log.Debug("not said")
		log.Info("first", "n", 1)
		if len(p.got()) != 0 {
			t.Errorf("%q", p.got())
		}
		log.Info("second")
		got := p.got()
		if len(got) != 1 || strings.Count(got[0], "\n") != 2 || !strings.Contains(got[0], `"msg":"first","a":1,"g":{"n":1}`) || !strings.Contains(got[0], `"msg":"second"`) {
			t.Errorf("%q", got)
		}
		time.Sleep(wait)
	})
}

func TestManyAtOnce(t *testing.T) {
	var p place
	w := sharedwrite.New(&p, time.Microsecond)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for k := range 1000 {
				_, _ = fmt.Fprintf(w, "%d %d\n", i, k)
			}
		})
	}
	all.Wait()
	w.Flush()
	last := map[string]int{}
	for line := range strings.Lines(strings.Join(p.got(), "")) {
		var who string
		var n int
		if _, err := fmt.Sscanf(line, "%s %d\n", &who, &n); err != nil || n != last[who] {
			t.Fatalf("%q after %d: %v", line, last[who], err)
		}
		last[who]++
	}
	if len(last) != 8 {
		t.Errorf("%d wrote", len(last))
	}
}
