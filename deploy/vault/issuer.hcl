# signet-issuer: what `signet serve` may do in Vault. Written by `signet vault init`; changes are overwritten by it.
# It signs with its rings and reads public keys. It cannot rotate, configure, export, back up or delete any key.
#
# Every parameter must be sent as a JSON string, pinned to a version: Vault compares strings only, refuses what is not
# listed, and so refuses "the latest version", another hash and another encoding. Listing "" as denied is no
# decoration: an empty string passes any allow list, and transit reads it as its default.
# Paths are exact: sign/<key>/<hash> and hmac/<key>/<hash>, which choose the hash in the path, are not covered.

# Ring signet-es256: ES256.
path "transit/keys/signet-es256" {
  capabilities = ["read"]
}

path "transit/sign/signet-es256" {
  capabilities = ["update"]
  required_parameters = ["key_version", "marshaling_algorithm", "hash_algorithm", "prehashed"]
  allowed_parameters = {
    "key_version"          = ["1*", "2*", "3*", "4*", "5*", "6*", "7*", "8*", "9*"]
    "marshaling_algorithm" = ["jws"]
    "hash_algorithm"       = ["sha2-256"]
    "prehashed"            = ["true"]
    "batch_input"          = []
    "input"                = []
  }
  denied_parameters = {
    "key_version"          = [""]
    "marshaling_algorithm" = [""]
    "hash_algorithm"       = [""]
    "prehashed"            = [""]
  }
}

# The secret behind refresh tokens: only this one label can be derived from it.
path "transit/keys/signet-refresh" {
  capabilities = ["read"]
}

path "transit/hmac/signet-refresh" {
  capabilities = ["update"]
  required_parameters = ["key_version", "input"]
  allowed_parameters = {
    "key_version" = ["1*", "2*", "3*", "4*", "5*", "6*", "7*", "8*", "9*"]
    "input"       = ["c2lnbmV0IHJlZnJlc2ggdjE="]
  }
  denied_parameters = {
    "key_version" = [""]
    "input"       = [""]
  }
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
