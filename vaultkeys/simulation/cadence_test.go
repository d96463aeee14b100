package simulation

import (
	"math/rand/v2"
	"time"
)

// cadence is when somebody who polls does so: each 8 to 10 seconds, as
// vaultkeys.Jitter makes it, but as a function of the time, so that polls
// without effect can be left out.
type cadence struct {
	beat, phase time.Duration
	salt        uint64
}

func newCadence(rng *rand.Rand, interval time.Duration) cadence {
	beat := interval * 9 / 10
	return cadence{beat, between(rng, 0, beat), rng.Uint64()}
}

// poll is the k-th poll: at most half a tenth of the interval from the beat.
func (c cadence) poll(k int64) instant {
	x := c.salt ^ uint64(k)*0x9e3779b97f4a7c15 // splitmix64
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	x ^= x >> 31
	return c.phase + instant(k)*c.beat + instant(x%uint64(c.beat/9)) - c.beat/18
}

// last is the last poll at or before t.
func (c cadence) last(t instant) instant {
	k := int64((t-c.phase)/c.beat) + 1
	for c.poll(k) > t {
		k--
	}
	return c.poll(k)
}

// next is the first poll after t.
func (c cadence) next(t instant) instant {
	k := int64((t-c.phase)/c.beat) - 1
	for c.poll(k) <= t {
		k++
	}
	return c.poll(k)
}
