// Package signer turns claims into a signed JWT and a JWT back into verified
// claims. It builds header and payload (RFC 7515, RFC 7519, RFC 9068), picks
// the key version that signs now, and checks everything a verifier must check.
//
// It is not a Vault client: it knows keys only through [Keys] and signatures
// only through [Backend], both declared here and implemented by vaultkeys. It
// keeps no private key, and nothing in it knows who may have which token;
// that is policy, and lives in clients and issuer.
package signer
