// Package integration runs the real thing: a real Vault, a real Redis and the
// very binaries that `make build` makes, with Signet under its own Vault
// policies, never a root token. Other packages' tests import the harness:
//
//	func TestToken(t *testing.T) {
//		stack := integration.New(t, nil)
//		reply := stack.Signet(0).Post(t, "/oauth2/token", stack.Demo, url.Values{
//			"grant_type": {"client_credentials"},
//		})
//		reply.Want(t, http.StatusOK)
//		token := reply.String(t, "access_token")
//		...
//	}
//
// Which Vault and Redis: the addresses in SIGNET_TEST_VAULT_ADDR (with
// SIGNET_TEST_VAULT_TOKEN) and SIGNET_TEST_REDIS_ADDR if set; else containers
// where Docker answers; else local processes (bin/devstack, redis-server or
// miniredis). SIGNET_TEST_BACKEND=docker or process forces one.
// SIGNET_TEST_STRICT=1 refuses anything less than the real servers.
//
// It is not a mock of anything, and it starts nothing that outlives its test.
package integration
