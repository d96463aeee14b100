# What a token needs for `signet vault init`, and no more: for a pipeline that
# prepares Vault with a policy of its own instead of a root token. With the
# default names; a mount, AppRole path or key of another name replaces them here.

# The transit engine, made if it is not there.
path "sys/mounts" {
  capabilities = ["read"]
}
path "sys/mounts/transit" {
  capabilities = ["create", "update"]
}

# With --dedicated-mount.
path "sys/mounts/transit/tune" {
  capabilities = ["update"]
}

# The keys of the rings and the key behind refresh tokens: made, never read out
# (there is no export, backup or delete here). config sets deletion_allowed back.
path "transit/keys/+" {
  capabilities = ["create", "read", "update"]
}
path "transit/keys/+/config" {
  capabilities = ["update"]
}

# The three policies. Whoever may write policies can give himself any right on
# what they cover: keep this token as closely as a root token.
path "sys/policies/acl/signet-issuer" {
  capabilities = ["create", "read", "update"]
}
path "sys/policies/acl/signet-keeper" {
  capabilities = ["create", "read", "update"]
}
path "sys/policies/acl/signet-auditor" {
  capabilities = ["create", "read", "update"]
}

# The auth method, which Vault guards with sudo, and the two roles.
path "sys/auth" {
  capabilities = ["read"]
}
path "sys/auth/approle" {
  capabilities = ["create", "update", "sudo"]
}
path "auth/approle/role/signet-issuer" {
  capabilities = ["create", "read", "update"]
}
path "auth/approle/role/signet-keeper" {
  capabilities = ["create", "read", "update"]
}

# With --credentials-dir and --keeper-credentials-dir.
path "auth/approle/role/+/role-id" {
  capabilities = ["read"]
}
path "auth/approle/role/+/secret-id" {
  capabilities = ["create", "update"]
}
