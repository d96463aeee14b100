// Package refresh keeps sessions and their refresh tokens in Redis.
//
// A refresh token is a family, a generation and a MAC whose key comes from
// Vault; Redis holds one small record a session, in which nothing helps to
// make a token. The successor of a token is computed, not stored, so a client
// whose answer was lost gets the same one again, and every ancestor is
// recognised as a replay. Whoever writes Redis can end sessions or roll them
// back, never become somebody else: identity and absolute end are sealed.
//
// It is not the policy (who may refresh what), signs no access token, and asks
// no caller's clock: grace and expiry are judged by Redis TIME.
//
// Commands its Redis user needs: EVAL, EVALSHA, GET, SET, TIME, ZADD, ZRANGE,
// ZRANDMEMBER, ZREM, ZCOUNT, PTTL, PEXPIREAT, WAIT with ReplicasAck, and ASKING in
// a cluster, on the keys signet:s:* (sessions), signet:u:* and signet:c:* (indexes
// by subject and client), signet:nu:*, signet:nc:* and signet:np:* (not-befores).
package refresh
