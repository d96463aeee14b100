package reconcile

import "strings"

// system takes a request elsewhere: who may use the keys, and what is logged.
func (a *acts) system(e *Entry, path string) {
	const audit = "what Vault logs was changed: signatures made meanwhile may be in no log, or secrets in one. Find out who did, and look at Vault's other audit devices for that time"
	name := func(prefix string) (string, bool) { return strings.CutPrefix(path, prefix) }
	if strings.HasPrefix(path, "auth/") {
		a.role(e, path)
		return
	}
	if strings.HasPrefix(path, "sys/raw") {
		a.raw(e)
		return
	}
	if strings.HasPrefix(path, "sys/storage/raft/snapshot") {
		a.snapshot(e, path)
		return
	}
	if reads(e) {
		return
	}
	if policy, ok := name("sys/policies/acl/"); ok {
		a.policy(e, policy)
	} else if policy, ok := name("sys/policy/"); ok {
		a.policy(e, policy)
	} else if _, ok := name("sys/audit/"); ok {
		one := act{kind: AuditDeviceChanged, why: audit}
		if e.Operation != "delete" {
			one.judge = judgeFirst
		}
		a.keep(one, e)
	} else if _, ok := name("sys/config/auditing"); ok {
		a.keep(act{kind: AuditDeviceChanged, why: audit}, e)
	} else if path == "sys/remount" {
		// Which one is no matter of comparing texts: "//transit" and "transit/." are
		// transit too, and the log has the hash of whatever was written.
		a.keep(act{kind: MountChanged, why: "a mount was moved, perhaps Signet's or one in its place: policies name paths, so rights moved with it. Compare the keys with `signet keys list`, and run `signet vault check`"}, e)
	} else if mount, ok := name("sys/mounts/"); ok {
		a.mount(e, mount)
	}
}

func (a *acts) mount(e *Entry, mount string) {
	const remedy = " Run `signet vault check`, and compare the keys with `signet keys list`"
	switch mount, tuned := strings.CutSuffix(mount, "/tune"); {
	case mount != a.cfg.Mount:
	case tuned:
		a.keep(act{kind: MountChanged, judge: judgeExpected, compare: dedicated, why: "the settings of Signet's mount were changed, and not to those of a mount of its own: they decide what the log shows, secrets included." + remedy}, e)
	case e.Operation == "delete":
		a.keep(act{kind: MountChanged, why: "Signet's mount was taken away, with all its keys: whatever is there now has other keys." + remedy}, e)
	default:
		a.keep(act{kind: MountChanged, judge: judgeFirst, why: "Signet's mount was made although something had been signed there: the keys are others now." + remedy}, e)
	}
}

func (a *acts) policy(e *Entry, policy string) {
	policy = strings.ToLower(policy) // as Vault does
	if !strings.HasPrefix(policy, "signet-") {
		return
	}
	text, ours := a.policies[policy]
	one := act{kind: PolicyChanged, why: "a policy was written that is not what `signet vault init` writes for this configuration: it may allow more. Compare it with deploy/vault, and write it anew with `signet vault init`"}
	switch {
	case e.Operation == "delete":
		one.why = "a policy of Signet's was deleted: who had it can do nothing, until somebody writes another under its name. Write it anew with `signet vault init`"
		if !ours {
			return
		}
	case ours:
		one.judge, one.compare = judgeExpected, map[string]any{"policy": text}
	default:
		return // such as signet-key-operator, which is the operators' own
	}
	a.keep(one, e)
}

// role takes a request to an auth method: only those about Signet's roles matter.
func (a *acts) role(e *Entry, path string) {
	_, rest, ok := strings.Cut(path, "/role/")
	if !ok || reads(e) {
		return
	}
	role, more, _ := strings.Cut(rest, "/")
	role = strings.ToLower(role) // as Vault does
	body, ours := a.roles[role]
	if !ours {
		return
	}
	one := act{kind: RoleChanged, why: "a role of Signet's was changed to what `signet vault init` does not write: others may log in with it, or longer, or with more policies. Compare it, and run `signet vault init` and `signet vault check`"}
	switch {
	case more == "secret-id" && e.Operation != "delete":
		a.secretIDs++
		return
	case more == "secret-id/lookup", more == "secret-id-accessor/lookup", more == "secret-id/destroy", more == "secret-id-accessor/destroy":
		return
	case more == "" && e.Operation != "delete" && path == "auth/"+a.cfg.AppRoleMount+"/role/"+role:
		one.judge, one.compare = judgeExpected, body
	}
	a.keep(one, e)
}

func (a *acts) snapshot(e *Entry, path string) {
	if reads(e) {
		a.snapshots++
		return
	}
	if path != "sys/storage/raft/snapshot" && path != "sys/storage/raft/snapshot-force" {
		return // when snapshots are taken
	}
	a.keep(act{kind: Restore, why: "all of Vault was put back to an earlier state: keys, minimums and trimmed versions with it, and tokens that were revoked. Run `signet keys list`, and revoke again what had been revoked since"}, e)
}

func (a *acts) raw(e *Entry) {
	one := act{kind: Export, why: "Vault's storage was read directly, where every key lies decrypted: treat the keys of this mount as copied unless you know who did. Set raw_storage_endpoint to false"}
	switch {
	case e.Operation == "list" || e.Operation == "help":
		return
	case !reads(e):
		one.kind = Restore
		one.why = "Vault's storage was written directly, past every check: keys and policies may be others now. Find out who did, and set raw_storage_endpoint to false"
	}
	a.keep(one, e)
}
