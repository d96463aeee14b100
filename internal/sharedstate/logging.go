package sharedstate

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/redis/go-redis/v9"
)

// LogTo sends what the Redis client library says by itself (a connection that
// cannot be made, a failover seen) to logger; it would go to stderr, past it.
// The library has one logger for the whole process.
func LogTo(logger *slog.Logger) { redis.SetLogger(clientLogger{logger}) }

type clientLogger struct{ *slog.Logger }

// Printf fits the library's logger. Its lines repeat for as long as Redis is
// away, and the requests that fail are counted and logged elsewhere.
func (l clientLogger) Printf(ctx context.Context, format string, v ...any) {
	l.DebugContext(ctx, "redis client: "+fmt.Sprintf(format, v...))
}
