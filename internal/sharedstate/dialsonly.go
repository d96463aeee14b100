package sharedstate

import "github.com/redis/go-redis/v9"

// dialsOnly is the part of a hook that leaves commands as they are.
type dialsOnly struct{}

func (dialsOnly) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (dialsOnly) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
