package vaultkeys

// RetiredName is the name under which keepers and operators remember when a
// ring's min_decryption_version was first seen where it is; under the ring's
// own name they remember HS256 versions. No ring's name has a colon.
func RetiredName(ring string) string { return ring + ":retired" }
