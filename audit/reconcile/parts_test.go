package reconcile_test

import (
	"runtime"
	"testing"

	"signet/audit/reconcile"
)

// TestDesks: all cores join, but for those whose parts would be too much memory.
func TestDesks(t *testing.T) {
	cores := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(cores)
	for have, want := range map[int]int{1: 1, 2: 2, 8: 8, 64: 8} {
		runtime.GOMAXPROCS(have)
		if n := reconcile.Desks(); n != want {
			t.Errorf("%d cores: %d desks, want %d", have, n, want)
		}
	}
}
