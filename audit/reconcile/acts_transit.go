package reconcile

import "strings"

// transit takes a request below the mount.
// https://developer.hashicorp.com/vault/api-docs/secret/transit
func (a *acts) transit(e *Entry, below string) {
	verb, rest, _ := strings.Cut(below, "/")
	name, more, _ := strings.Cut(rest, "/")
	switch verb {
	case "keys":
		if a.keys[name] {
			a.keyPath(e, name, more)
		}
	case "verify", "random", "hash", "wrapping_key", "cache-config", "config":
		return // they use no key, or only check
	case "export", "byok-export":
		for part := range strings.SplitSeq(rest, "/") {
			if a.keys[part] {
				a.keep(act{kind: Export, key: part, why: "a key was taken out of Vault: whoever has it signs without Vault, and no log shows it. Rotate the key, and revoke the version with `signet keys revoke`; a key that can be exported must be replaced"}, e)
				return
			}
		}
	case "backup":
		if a.keys[name] {
			a.keep(act{kind: Backup, key: name, why: "a key was taken out of Vault, with all its versions, as a backup: whoever has it signs without Vault, and no log shows it. Rotate the key and revoke its versions; a key with plaintext backup must be replaced"}, e)
		}
	case "restore":
		if name == "" || a.keys[name] {
			a.keep(act{kind: Restore, key: name, why: "a key was put into Vault from a backup: it may be another key, or have versions again that were trimmed. Compare the kids with `signet keys list`, and find out who has the backup"}, e)
		}
	default:
		a.otherPath(e, verb, rest)
	}
}

// otherPath finds the uses of a key that Signet never makes.
func (a *acts) otherPath(e *Entry, verb, rest string) {
	if reads(e) && rest == "" {
		return
	}
	for part := range strings.SplitSeq(rest, "/") {
		if a.keys[part] {
			a.exists(part, e.Time)
			a.keep(act{kind: OtherPath, key: part, why: "a key was used by " + verb + " in a way that Signet never does and its policy does not allow: whoever did has a wider policy. Look at who asked, and take that right away"}, e)
			return
		}
	}
}

// keyPath takes a request about one of the keys.
func (a *acts) keyPath(e *Entry, key, rest string) {
	if rest == "" && e.Operation == "delete" {
		a.keep(act{kind: KeyDeleted, key: key, why: "a key was deleted: no token signed by it can be verified again from Vault, and another may take its name. Find out who did, and take that right away"}, e)
		return
	}
	if rest == "" && !reads(e) {
		a.keep(act{kind: KeyCreated, key: key, judge: judgeCreated, state: a.observe(e, key), why: "a key was made that had existed before: it may be another key under the name. Compare the kids with `signet keys list` and with what verifiers have"}, e)
		return
	}
	state := a.observe(e, key)
	switch rest {
	case "config":
		if reads(e) {
			return
		}
		a.keep(act{kind: KeyConfig, key: key, judge: judgeConfig, state: state, why: "the settings of a key were loosened: "}, e)
		return
	case "import", "import_version":
		a.keep(act{kind: Import, key: key, why: "key material was put into Vault from outside: whoever made it can sign without Vault. Revoke that version with `signet keys revoke`"}, e)
		return
	case "soft-delete":
		a.keep(act{kind: KeyDeleted, key: key, why: "a key was deleted, and can be restored: find out who did, and take that right away"}, e)
		return
	case "soft-delete-restore":
		a.keep(act{kind: Restore, key: key, why: "a deleted key was restored: compare its versions with `signet keys list`"}, e)
		return
	case "", "rotate", "trim":
	default:
		if !reads(e) {
			a.otherPath(e, "keys/"+key+"/"+rest, key)
			return
		}
	}
	// The same again and again: replicas read their keys all the time.
	if state.Seen && a.last[key] != state {
		a.last[key] = state
		a.keep(act{judge: seeState, key: key, state: state}, e)
	}
}
