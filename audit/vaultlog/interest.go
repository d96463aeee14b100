package vaultlog

import (
	"bytes"
	"slices"
	"strings"
)

// Interest says which requests a scan gives.
type Interest struct {
	// Mount is where transit is mounted, with or without slashes around it; ""
	// means "transit". All paths under it are of interest, but for those that name
	// a key which is not in Keys.
	Mount string
	// Keys are names of transit keys; none means all.
	Keys []string
	// Namespace is Signet's (Vault Enterprise), with or without slashes around it;
	// "" is root.
	Namespace string
	// TransitOnly leaves out what has to do with keys only from afar: audit devices,
	// policies, roles, mounts, snapshots, raw storage.
	TransitOnly bool
}

// keyAt is the place of the key's name in the paths of transit, counted after
// the verb. Of a verb that is not here, such as restore, all is of interest.
// https://developer.hashicorp.com/vault/api-docs/secret/transit
var keyAt = map[string]int{
	"keys": 0, "sign": 0, "verify": 0, "hmac": 0, "encrypt": 0, "decrypt": 0, "rewrap": 0, "backup": 0,
	"datakey": 1, "export": 1,
}

// afar are the beginnings of paths which decide about keys, who may use them,
// and what is logged of it. (sys/audit-hash, which auditors ask for every value
// of a log, is none of them.)
var afar = []string{
	"sys/audit/", "sys/policies/acl/signet-", "sys/policy/signet-", "sys/mounts", "sys/remount",
	"sys/storage/raft/snapshot", "sys/raw", "sys/config/auditing",
}

// roles is the middle of an auth method's path to a role of Signet.
const roles = "/role/signet-"

// filter is an Interest made ready.
type filter struct {
	mount, namespace []byte
	keys             []string
	transitOnly      bool
}

func newFilter(in Interest) *filter {
	mount := strings.Trim(in.Mount, "/")
	if mount == "" {
		mount = "transit"
	}
	return &filter{
		mount: []byte(mount + "/"), namespace: []byte(strings.Trim(in.Namespace, "/")),
		keys: slices.Clone(in.Keys), transitOnly: in.TransitOnly,
	}
}

// match reports whether a request is of interest, and its path under the mount,
// nil if it is elsewhere.
func (f *filter) match(namespace, path []byte) (below []byte, ok bool) {
	own := true
	if len(namespace) > 0 || len(f.namespace) > 0 {
		if path, own, ok = f.relative(bytes.Trim(namespace, "/"), path); !ok {
			return nil, false
		}
	}
	if own {
		if below, ok = bytes.CutPrefix(path, f.mount); ok {
			return below, f.names(below)
		}
	}
	return nil, !f.transitOnly && fromAfar(path)
}

// relative is a path as Signet's namespace sees it. A request to a namespace
// above may still be of interest, if not own: it has the audit devices. A path
// from above may lead into Signet's own.
func (f *filter) relative(namespace, path []byte) (rel []byte, own, ok bool) {
	if len(namespace) > 0 {
		path = cutFolder(path, namespace)
	}
	if bytes.Equal(namespace, f.namespace) {
		return path, true, true
	}
	rest := f.namespace
	if len(namespace) > 0 {
		if rest = cutFolder(f.namespace, namespace); len(rest) == len(f.namespace) {
			return nil, false, false
		}
	}
	if len(rest) == 0 {
		return nil, false, false
	}
	rel = cutFolder(path, rest)
	return rel, len(rel) < len(path), true
}

// cutFolder takes a folder from the beginning of a path, if it is there.
func cutFolder(path, folder []byte) []byte {
	if len(path) > len(folder) && path[len(folder)] == '/' && bytes.HasPrefix(path, folder) {
		return path[len(folder)+1:]
	}
	return path
}

// names reports whether a path under the mount has to do with the keys of
// interest, or with none in particular.
func (f *filter) names(below []byte) bool {
	if len(f.keys) == 0 {
		return true
	}
	verb, rest, _ := bytes.Cut(below, []byte("/"))
	place, known := keyAt[string(verb)]
	if !known {
		return true
	}
	for ; place > 0; place-- {
		_, rest, _ = bytes.Cut(rest, []byte("/"))
	}
	key, _, _ := bytes.Cut(rest, []byte("/"))
	return len(key) == 0 || slices.Contains(f.keys, string(key)) // none: a list of the keys
}

func fromAfar(path []byte) bool {
	// Vault writes policies and roles under the lower case of their names, by the
	// same function.
	if bytes.HasPrefix(path, []byte("auth/")) {
		return bytes.Contains(path, []byte("/role/")) && bytes.Contains(bytes.ToLower(path), []byte(roles))
	}
	if !bytes.HasPrefix(path, []byte("sys/")) {
		return false
	}
	if bytes.HasPrefix(path, []byte("sys/polic")) {
		path = bytes.ToLower(path)
	}
	for _, begin := range afar {
		if bytes.HasPrefix(path, []byte(begin)) {
			return true
		}
	}
	return string(path) == "sys/audit"
}

// split takes a path under the mount apart. The key of a verb that has another
// name before it comes with that name left out, as in export/signing-key/KEY.
func split(below string) (verb, key, rest string) {
	verb, rest, _ = strings.Cut(below, "/")
	place, known := keyAt[verb]
	if verb == "restore" {
		known = true
	}
	if !known {
		return verb, "", rest
	}
	before := ""
	for ; place > 0; place-- {
		before, rest, _ = strings.Cut(rest, "/")
	}
	key, rest, _ = strings.Cut(rest, "/")
	if before != "" {
		rest = strings.Trim(before+"/"+rest, "/")
	}
	return verb, key, rest
}
