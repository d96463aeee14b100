package stack

import "strings"

// demo is what a newcomer tries first. Every command works as printed after
// the env file has been sourced.
func demo(s *stack) string {
	return strings.NewReplacer(
		"{env}", s.envPath(),
		"{public}", s.addr.public,
		"{ops}", s.addr.ops,
		"{vault}", s.addr.vault,
		"{redis}", s.addr.redis,
		"{redis-what}", s.redis.what,
		"{dir}", s.Dir,
		"{audit}", s.vaultLog,
	).Replace(demoText)
}

const demoText = `
Signet is ready.
  API     http://{public}
  ops     http://{ops}/metrics
  Vault   http://{vault} (its audit log: {audit})
  Redis   {redis} ({redis-what})
  logs    {dir}/*.log

In another terminal:

  source {env}

# a token for a service itself
  curl -sS -u "$SIGNET_CLIENT_ID:$SIGNET_CLIENT_SECRET" "$SIGNET_URL/oauth2/token" -d grant_type=client_credentials

# an access and a refresh token for a user whom you have authenticated
  PAIR=$(curl -sS -u "$SIGNET_CLIENT_ID:$SIGNET_CLIENT_SECRET" "$SIGNET_URL/v1/tokens" \
    -H 'Content-Type: application/json' -d '{"subject": "user:alice", "refresh": true}'); echo "$PAIR"
  ACCESS=$(echo "$PAIR" | sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p')
  REFRESH=$(echo "$PAIR" | sed -n 's/.*"refresh_token":"\([^"]*\)".*/\1/p')

# refresh; each refresh token works once
  curl -sS -u "$SIGNET_CLIENT_ID:$SIGNET_CLIENT_SECRET" "$SIGNET_URL/oauth2/token" -d grant_type=refresh_token -d "refresh_token=$REFRESH"

# is a token active?
  curl -sS -u "$SIGNET_CLIENT_ID:$SIGNET_CLIENT_SECRET" "$SIGNET_URL/oauth2/introspect" -d "token=$ACCESS"

# whose sessions are there? And log out everywhere
  curl -sS -u "$SIGNET_CLIENT_ID:$SIGNET_CLIENT_SECRET" "$SIGNET_URL/v1/sessions?subject=user:alice"
  curl -sS -u "$SIGNET_CLIENT_ID:$SIGNET_CLIENT_SECRET" -X DELETE "$SIGNET_URL/v1/sessions?subject=user:alice"

# revoke the session, and with it the access token
  curl -sS -u "$SIGNET_CLIENT_ID:$SIGNET_CLIENT_SECRET" "$SIGNET_URL/oauth2/revoke" -d "token=$REFRESH"

# the public keys
  curl -sS "$SIGNET_URL/.well-known/jwks.json"

# follow a token into Vault's audit log, and compare that log with Signet's records
  echo "$ACCESS" | bin/signet audit trace - --config "$SIGNET_CONFIG" --records "$SIGNET_RECORDS" --vault-log "$SIGNET_VAULT_LOG"
  bin/signet audit reconcile --config "$SIGNET_CONFIG" --records "$SIGNET_RECORDS" --vault-log "$SIGNET_VAULT_LOG"

# rotate in Vault: the new key is published at once, and signs 10 seconds later
  curl -sS -X POST -H "X-Vault-Token: $VAULT_TOKEN" "$VAULT_ADDR/v1/transit/keys/$SIGNET_RING/rotate" -o /dev/null

Ctrl-C stops everything.`
