package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// redisRow is what Redis holds.
type redisRow struct {
	Keys  int64 `json:"keys"`
	Bytes int64 `json:"bytes"`
}

// redisUse asks the stack's Redis. The embedded one does not count its memory:
// then there are 0 bytes.
func (s *stack) redisUse(ctx context.Context) (redisRow, error) {
	client := redis.NewClient(&redis.Options{Addr: s.host("REDIS_URL")})
	defer func() { _ = client.Close() }()
	keys, err := client.DBSize(ctx).Result()
	if err != nil {
		return redisRow{}, fmt.Errorf("counting redis's keys: %w", err)
	}
	n, err := redisMemory(ctx, client, "used_memory")
	if err != nil {
		return redisRow{Keys: keys}, nil // the embedded Redis has no such section
	}
	return redisRow{Keys: keys, Bytes: int64(n)}, nil
}

// redisMemory reads a figure of INFO memory, in bytes.
func redisMemory(ctx context.Context, client *redis.Client, name string) (float64, error) {
	info, err := client.InfoMap(ctx, "memory").Result()
	if err != nil {
		return 0, fmt.Errorf("asking redis for its memory: %w", err)
	}
	return number(info["Memory"], name)
}

// redisWork is what a Redis has done until now.
type redisWork struct {
	commands   float64 // those within scripts too
	roundTrips float64 // requests of clients that were read
	cpu        float64 // for everything, in µs
}

func (w redisWork) since(before redisWork) redisWork {
	return redisWork{w.commands - before.commands, w.roundTrips - before.roundTrips, w.cpu - before.cpu}
}

// redisDone asks for it. The embedded Redis does not count.
func redisDone(ctx context.Context, client *redis.Client) (redisWork, error) {
	info, err := client.InfoMap(ctx, "stats", "cpu").Result()
	if err != nil {
		return redisWork{}, fmt.Errorf("asking redis what it has done: %w", err)
	}
	var w redisWork
	var user, system float64
	for _, f := range []struct {
		section, name string
		to            *float64
	}{
		{"Stats", "total_commands_processed", &w.commands},
		{"Stats", "total_reads_processed", &w.roundTrips},
		{"CPU", "used_cpu_user", &user},
		{"CPU", "used_cpu_sys", &system},
	} {
		if *f.to, err = number(info[f.section], f.name); err != nil {
			return redisWork{}, err
		}
	}
	w.cpu = (user + system) * 1e6
	return w, nil
}

// number reads a figure of Redis' INFO.
func number(section map[string]string, name string) (float64, error) {
	n, err := strconv.ParseFloat(section[name], 64)
	if err != nil {
		return 0, fmt.Errorf("redis says %s:%q", name, section[name])
	}
	return n, nil
}
