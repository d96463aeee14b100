// Package keeper rotates and retires the versions of key rings: generate,
// fence, retire and, if asked to, trim. When each is due is package lifecycle's
// arithmetic; the keeper asks Vault, waits, and writes.
//
// It only adds versions and raises minimums, and reads a ring again just before
// each write. It remembers nothing that matters: several keepers may run at
// once, and one may end, or lose Vault or Redis, between any two requests. The
// next round, of whichever keeper, goes on from what Vault says.
//
// It is not a signer and knows no token: it logs in with an identity of its own
// (keeper.hcl), which cannot sign. It makes no keys, does not touch the key
// behind refresh tokens, and is not the tool for an emergency: a key that must
// go now is the operator's to revoke.
package keeper
