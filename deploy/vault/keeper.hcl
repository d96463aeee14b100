# signet-keeper: what rotates and retires keys. Written by `signet vault init`; changes are overwritten by it.
# It adds versions, raises minimum versions and trims what is below them. It cannot sign, nor make a key exportable,
# deletable or open to plaintext backups.

# Ring signet-es256: ES256.
path "transit/keys/signet-es256" {
  capabilities = ["read"]
}

path "transit/keys/signet-es256/rotate" {
  capabilities = ["update"]
  denied_parameters = {
    "*" = []
  }
}

path "transit/keys/signet-es256/config" {
  capabilities = ["update"]
  allowed_parameters = {
    "min_decryption_version" = ["1*", "2*", "3*", "4*", "5*", "6*", "7*", "8*", "9*"]
    "min_encryption_version" = ["1*", "2*", "3*", "4*", "5*", "6*", "7*", "8*", "9*"]
  }
  denied_parameters = {
    "min_decryption_version" = [""]
    "min_encryption_version" = [""]
  }
}

path "transit/keys/signet-es256/trim" {
  capabilities = ["update"]
  required_parameters = ["min_available_version"]
  allowed_parameters = {
    "min_available_version" = ["1*", "2*", "3*", "4*", "5*", "6*", "7*", "8*", "9*"]
  }
  denied_parameters = {
    "min_available_version" = [""]
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
