package reconcile

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
)

// desk is what one core needs to join a part.
type desk struct {
	declared declared
	issues   []issue // by the number of the jti
}

// mostDesks bounds the memory on a large machine: a desk has up to
// Config.PartitionMax declarations in it, some 30 MB.
const mostDesks = 8

func desks() int { return min(runtime.GOMAXPROCS(0), mostDesks) }

// eachPart joins the parts, each of which is one core's from its first tuple to
// its last: no two have a hash in common. An error ends it when the parts that are
// under way are done.
func (j *join) eachPart(ctx context.Context, parts int, part func(d *desk, i int) error) error {
	cores := desks()
	errs := make([]error, cores)
	var next atomic.Int64
	var all sync.WaitGroup
	for core := range errs {
		all.Go(func() {
			var d desk
			for i := int(next.Add(1) - 1); i < parts && errs[core] == nil; i = int(next.Add(1) - 1) {
				if errs[core] = ctx.Err(); errs[core] == nil {
					errs[core] = part(&d, i)
				}
			}
			if errs[core] != nil {
				next.Store(int64(parts))
			}
			j.mu.Lock()
			defer j.mu.Unlock()
			j.retries += d.declared.retries
			j.uncovers += d.declared.uncovers
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err // the others' say the same, or less
		}
	}
	return nil
}
