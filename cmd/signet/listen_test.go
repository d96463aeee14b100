package main

import (
	"math"
	"testing"
)

func TestConnectionLimit(t *testing.T) {
	t.Parallel()
	for files, want := range map[uint64]int{
		0: 64, 256: 64, 320: 64, 321: 65, 1024: 768, 8447: 8191, 8448: 8192, 1 << 20: 8192, math.MaxUint64: 8192,
	} {
		if got := connectionLimit(files); got != want {
			t.Errorf("%d files: %d connections, want %d", files, got, want)
		}
	}
}
