# What a person's token needs for `signet keys list`, `rotate`, `retire`, `trim` and `revoke`, and no more. It cannot
# sign, nor make a key exportable, deletable or open to plaintext backups. It can end tokens early and delete key
# versions for good: give it to few, for a short time.
#
# Not written by `signet vault init`: write it yourself, with one block of these for each ring of the configuration.

# Ring signet-es256: ES256, and so for every other algorithm but HS256.
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

# Ring signet-hs256: HS256. The HMAC of this one label (signet-kid) is what the kid of a version is derived from. Any
# other input would be a signature.
path "transit/keys/signet-hs256" {
  capabilities = ["read"]
}

path "transit/hmac/signet-hs256" {
  capabilities = ["update"]
  required_parameters = ["key_version", "input"]
  allowed_parameters = {
    "key_version" = ["1*", "2*", "3*", "4*", "5*", "6*", "7*", "8*", "9*"]
    "input"       = ["c2lnbmV0LWtpZA=="]
  }
  denied_parameters = {
    "key_version" = [""]
    "input"       = [""]
  }
}

path "transit/keys/signet-hs256/rotate" {
  capabilities = ["update"]
  denied_parameters = {
    "*" = []
  }
}

path "transit/keys/signet-hs256/config" {
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

path "transit/keys/signet-hs256/trim" {
  capabilities = ["update"]
  required_parameters = ["min_available_version"]
  allowed_parameters = {
    "min_available_version" = ["1*", "2*", "3*", "4*", "5*", "6*", "7*", "8*", "9*"]
  }
  denied_parameters = {
    "min_available_version" = [""]
  }
}
