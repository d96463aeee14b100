// Package transitname says which names Signet accepts for transit keys and for
// mounts: part of what Vault does, chosen so that a name needs no escaping in a
// path or a policy. The configuration refuses others, and so does whoever writes
// a name into a policy without having read the configuration.
package transitname
