package transitname

import "regexp"

var (
	keys   = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,126}[A-Za-z0-9_])?$`)
	mounts = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$`)
)

// Key reports whether name can name a transit key: Vault's rule
// (framework.GenericNameRegex) without the dot, at most 128 characters.
func Key(name string) bool { return keys.MatchString(name) }

// Mount reports whether path can be where an engine or auth method is mounted,
// without slashes at its ends.
func Mount(path string) bool { return mounts.MatchString(path) }
