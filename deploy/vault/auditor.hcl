# signet-auditor: for people who check what was signed. Written by `signet vault init`; changes are overwritten by it.
# It reads public keys and their states, and finds values in Vault's hashed audit log. It cannot sign or change anything.

path "transit/keys" {
  capabilities = ["list"]
}

path "transit/keys/signet-es256" {
  capabilities = ["read"]
}

path "transit/keys/signet-refresh" {
  capabilities = ["read"]
}

# Which audit devices there are; sudo is Vault's own demand for this path.
path "sys/audit" {
  capabilities = ["read", "sudo"]
}

# The hash under which a value appears in the audit log of the device "file".
path "sys/audit-hash/file" {
  capabilities = ["update"]
}

# Its own token, and no other. The default policy would allow this too, but Vault renders that one anew for every
# request, which halves the rate of signatures: the AppRole leaves it out.
path "auth/token/lookup-self" {
  capabilities = ["read"]
}

path "auth/token/renew-self" {
  capabilities = ["update"]
}

path "auth/token/revoke-self" {
  capabilities = ["update"]
}

# What it may do itself: `signet vault check` proves with it what it cannot.
path "sys/capabilities-self" {
  capabilities = ["update"]
}
