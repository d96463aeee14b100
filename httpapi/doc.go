// Package httpapi is Signet's HTTP surface: the OAuth endpoints, POST
// /v1/tokens, the published documents (JWK set, metadata), and the ops
// listener's probes and metrics. It reads requests strictly, calls the use cases
// of package issuer, and writes every refusal through one table.
//
// It decides nothing: who may have what is in clients and issuer. It knows
// neither Vault nor Redis.
package httpapi
