package refreshtest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
)

// ErrKeysDown is what Keys answer while they are down.
var ErrKeysDown = errors.New("the keys are down")

// Keys are refresh.MACKeys for tests: versions 1 to the newest, in memory.
// The zero value is not usable; see NewKeys.
type Keys struct {
	mu          sync.Mutex
	min, newest int
	down        bool
}

// NewKeys has one version.
func NewKeys() *Keys { return &Keys{min: 1, newest: 1} }

// Rotate adds a version.
func (k *Keys) Rotate() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.newest++
}

// Retire raises the minimum.
func (k *Keys) Retire(minimum int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.min = minimum
}

// Down makes every question fail, or work again.
func (k *Keys) Down(down bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.down = down
}

// Current fits refresh.MACKeys.
func (k *Keys) Current() (int, []byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.down {
		return 0, nil, ErrKeysDown
	}
	return k.newest, secret(k.newest), nil
}

// Secret fits refresh.MACKeys.
func (k *Keys) Secret(_ context.Context, version int) ([]byte, bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.down {
		return nil, false, ErrKeysDown
	}
	if version < k.min || version > k.newest {
		return nil, false, nil
	}
	return secret(version), true, nil
}

func secret(version int) []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "D_%d", version))
	return sum[:]
}
