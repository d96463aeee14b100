package stack

import (
	"fmt"
	"strings"
)

// ring is one key ring of the demo configuration.
type ring struct{ name, algorithm string }

// rings are the demo's; the first is every client's default.
func rings() []ring {
	return []ring{
		{"signet-es256", "ES256"},
		{"signet-rs256", "RS256"},
		{"signet-eddsa", "EdDSA"},
		{"signet-hs256", "HS256"},
	}
}

// The key times, all short so that a rotation can be watched, and still under
// the guards that a real configuration is under (docs/configuration.md#guards):
//
//	publish_delay   10s >= jwks_max_age 3s + stale_if_error 3s + refresh_interval 1s + 2 * clock_skew 1s = 9s
//	rotation_period  4h >  publish_delay 10s + max_ttl 5m
//	retire_margin   10s >= 2 * clock_skew 1s + refresh_interval 1s + the request deadline 3s = 6s
const (
	ringTimes = "publish_delay: 10s, max_ttl: 5m, rotation_period: 4h, retire_margin: 10s"
	keyTimes  = "keys: {refresh_interval: 1s, jwks_max_age: 3s, stale_if_error: 3s, clock_skew: 1s}"
)

// addresses are where the parts of a stack listen, host:port.
type addresses struct{ public, ops, vault, redis string }

func signetYAML(a addresses, records string) string {
	var b strings.Builder
	b.WriteString("# Made by the devstack at every start; changes do not last.\n")
	fmt.Fprintf(&b, "issuer: http://%s\n", a.public)
	fmt.Fprintf(&b, "listen: {address: %q, drain: 0s}\n", a.public)
	fmt.Fprintf(&b, "ops: {address: %q}\n", a.ops)
	fmt.Fprintf(&b, "vault:\n  address: http://%s\n  insecure: true # no TLS: all on one machine\n", a.vault)
	b.WriteString("  auth: {method: approle, role_id: {file: credentials/role_id}, secret_id: {file: credentials/secret_id}}\n")
	b.WriteString("rings:\n")
	for _, r := range rings() {
		fmt.Fprintf(&b, "  - {name: %s, algorithm: %s, %s}\n", r.name, r.algorithm, ringTimes)
	}
	b.WriteString(keyTimes + "\n")
	b.WriteString("keeper: {vault: {auth: {method: approle, role_id: {file: keeper/role_id}, secret_id: {file: keeper/secret_id}}}}\n")
	fmt.Fprintf(&b, "redis: {addresses: [%q], insecure: true}\n", a.redis)
	b.WriteString("tokens: {ttl: 5m}\nclients: {file: clients.yaml}\n")
	fmt.Fprintf(&b, "audit: {stdout: false, file: %q, replica: devstack}\n", records)
	return b.String()
}

func clientsYAML(secretHash string) string {
	return `# Made by the devstack at every start; changes last until it ends.
clients:
  - id: ` + demoClient + `
    secrets: ["` + secretHash + `"]
    grants: [client_credentials, refresh_token, issue]
    subjects: ["*", "user:*"]
    audiences: ["https://api.example.com", "https://billing.example.com"]
    scopes: [profile, "orders:*"]
    claims: [tenant, roles]
    introspect: true
    sessions: all
`
}
