package vaultkeys

import (
	"context"
	"strings"

	"signet/vaultkeys/vaultapi"
)

// Reader is the part of a connection to Vault that reads.
type Reader interface {
	// Read decodes the "data" of a GET into out, a pointer to a struct.
	Read(ctx context.Context, path string, out any) (vaultapi.Meta, error)
}

// Writer is the part of a connection to Vault that writes.
type Writer interface {
	// Write sends in as JSON and decodes the "data" of the answer into out.
	Write(ctx context.Context, path string, in, out any) (vaultapi.Meta, error)
}

// Vault is what this package needs of a connection to Vault; *vaultapi.Conn
// fits it. Paths have no leading slash and no "v1/". Errors are vaultapi's
// sentinels.
type Vault interface {
	Reader
	Writer
	// Logins counts the successful logins so far: a change means a new token.
	Logins() uint64
}

// Paths builds the API paths of one transit mount. Key names are validated by
// config against Vault's own rule for them, so nothing needs escaping here.
type Paths struct {
	// Mount is where transit is mounted, with or without surrounding slashes;
	// "" means "transit".
	Mount string
}

// Key reads a key (GET), or creates it (POST).
func (p Paths) Key(name string) string { return p.join("keys", name) }

// KeyConfig sets a key's minimum versions and flags.
func (p Paths) KeyConfig(name string) string { return p.join("keys", name) + "/config" }

// Rotate adds a version to a key.
func (p Paths) Rotate(name string) string { return p.join("keys", name) + "/rotate" }

// Trim deletes the versions below min_available_version for good.
func (p Paths) Trim(name string) string { return p.join("keys", name) + "/trim" }

// Sign signs with a key; never the form with the hash in the path, which the
// issuer's policy does not cover (a policy names exact paths).
func (p Paths) Sign(name string) string { return p.join("sign", name) }

// HMAC computes an HMAC with a key.
func (p Paths) HMAC(name string) string { return p.join("hmac", name) }

// Verify checks a signature or an HMAC.
func (p Paths) Verify(name string) string { return p.join("verify", name) }

func (p Paths) join(verb, name string) string {
	mount := strings.Trim(p.Mount, "/")
	if mount == "" {
		mount = "transit"
	}
	return mount + "/" + verb + "/" + name
}
