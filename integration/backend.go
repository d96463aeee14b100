package integration

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"
)

// Backend says where Vault and Redis come from.
type Backend string

// The backends, in the order in which they are tried.
const (
	External Backend = "external" // addresses given by the environment
	Docker   Backend = "docker"   // containers through testcontainers-go
	Process  Backend = "process"  // the devstack's Vault, redis-server or miniredis
)

// Strict reports whether this run must leave nothing out.
func Strict() bool { return os.Getenv("SIGNET_TEST_STRICT") != "" }

// Current returns the backend of this run, and fails on an unknown one.
func Current(t testing.TB) Backend {
	t.Helper()
	if Strict() && !raceEnabled {
		t.Fatal("SIGNET_TEST_STRICT=1 demands go test -race (and a C compiler)")
	}
	switch forced := os.Getenv("SIGNET_TEST_BACKEND"); forced {
	case "":
	case string(Docker), string(Process):
		return Backend(forced)
	default:
		t.Fatalf("SIGNET_TEST_BACKEND=%q: use docker or process", forced)
	}
	if os.Getenv("SIGNET_TEST_VAULT_ADDR") != "" {
		return External
	}
	if dockerAnswers() {
		return Docker
	}
	return Process
}

// OnlyOn reports whether a test that exists for one kind of backend is
// selected in this run. An unselected test is listed, not skipped: it runs
// where its backend is.
func OnlyOn(t testing.TB, wanted ...Backend) bool {
	t.Helper()
	current := Current(t)
	if slices.Contains(wanted, current) {
		return true
	}
	t.Logf("not selected on backend %s: exists for %v", current, wanted)
	return false
}

// dockerAnswers is asked once: a daemon that is there answers within seconds,
// and it must have the images, since a test may not depend on a registry.
var dockerAnswers = sync.OnceValue(func() bool {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for _, image := range []string{vaultImage(), redisImage()} {
		if exec.CommandContext(ctx, "docker", "image", "inspect", image).Run() != nil {
			return false
		}
	}
	return true
})

func vaultImage() string { return envOr("VAULT_IMAGE", "hashicorp/vault:1.21") }
func redisImage() string { return envOr("REDIS_IMAGE", "redis:7") }

func envOr(name, fallback string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return fallback
}

// Need is for a tool that a test cannot do without, such as openssl. Where it
// is missing the test is skipped with the reason, and a strict run fails.
func Need(t testing.TB, found bool, what string) {
	t.Helper()
	switch {
	case found:
	case Strict():
		t.Fatalf("SIGNET_TEST_STRICT=1 demands %s", what)
	default:
		t.Skipf("needs %s", what)
	}
}
