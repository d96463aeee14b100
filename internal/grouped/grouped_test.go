package grouped_test

import (
	"testing"

	"signet/internal/grouped"
)

func TestThousands(t *testing.T) {
	t.Parallel()
	for n, want := range map[uint64]string{
		0: "0", 7: "7", 999: "999", 1000: "1,000", 12_000: "12,000", 100_000: "100,000", 1_234_567: "1,234,567", 1<<64 - 1: "18,446,744,073,709,551,615",
	} {
		if got := grouped.Thousands(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}
