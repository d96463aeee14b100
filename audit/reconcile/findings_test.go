package reconcile_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/audit"
	"signet/audit/reconcile"
	"signet/vaultkeys"
	"signet/vaultkeys/vaultcheck"
	"signet/vaultkeys/vaultinit"
)

// around lets an honest Signet work for a while, then plant, then it goes on.
func around(hashed bool, plant func(w *world)) *world {
	w := newWorld(hashed)
	honest := func() {
		for range 3 {
			w.pass(10 * time.Second)
			w.issue("r1", ring, 5)
			w.issue("r2", ringH, 2)
			w.beat("r1", ring)
			state(w.request("read", "transit/keys/"+ring), 1, 1, false)
		}
	}
	w.start("r1")
	w.start("r2")
	honest()
	w.pass(10 * time.Second)
	plant(w)
	w.pass(10 * time.Second)
	honest()
	return w
}

// thief signs something undeclared.
func (w *world) thief(key string, n int) *reconcile.Entry {
	verb := "sign"
	if key != ring {
		verb = "hmac"
	}
	e := w.request("update", "transit/"+verb+"/"+key)
	for range n {
		e.Items = append(e.Items, w.raw(key, w.draw(), "x", 1))
	}
	return e
}

// plants are misuses, and what each is found as: exactly that.
var plants = map[string]struct {
	plant func(w *world)
	want  []reconcile.Kind
	text  string // in the first message
}{
	"undeclared":            {func(w *world) { w.thief(ring, 1) }, []reconcile.Kind{reconcile.UndeclaredSignature}, "no record declares it"},
	"undeclared, HS256":     {func(w *world) { w.thief(ringH, 1) }, []reconcile.Kind{reconcile.UndeclaredSignature}, "no record declares it"},
	"undeclared, batch":     {func(w *world) { w.thief(ring, 2) }, []reconcile.Kind{reconcile.UndeclaredSignature, reconcile.UndeclaredSignature}, ""},
	"another MAC label":     {func(w *world) { w.thief(macs, 1) }, []reconcile.Kind{reconcile.UndeclaredSignature}, ""},
	"undeclared, no answer": {func(w *world) { w.thief(ring, 1).Answered = false }, []reconcile.Kind{reconcile.UndeclaredSignature}, "perhaps"},
	"the jti of a declared one": {func(w *world) {
		b := w.issue("r1", ring, 1)
		e := w.request("update", "transit/sign/"+ring)
		e.Items = []reconcile.Item{w.raw(ring, w.draw(), b.items[0].JTI, 1)}
	}, []reconcile.Kind{reconcile.UndeclaredSignature}, ""},
	"the input of another key": {func(w *world) {
		b := w.issue("r1", ringH, 1)
		e := w.request("update", "transit/sign/"+ring)
		e.Items = []reconcile.Item{w.raw(ring, b.items[0].Input, b.items[0].JTI, 1)}
	}, []reconcile.Kind{reconcile.UndeclaredSignature}, ""},
	"extra item": {func(w *world) {
		b := w.declare("r1", w.token(ring), w.token(ring))
		e := w.sign(b)
		e.Items = append(e.Items, w.raw(ring, w.draw(), "x", 1))
		w.outcome(b, audit.OutcomeIssued)
	}, []reconcile.Kind{reconcile.ExtraItem}, "one request with declared items"},
	"signed again": {func(w *world) {
		b := w.issue("r1", ring, 2)
		e := w.request("update", "transit/sign/"+ring)
		e.Items = []reconcile.Item{w.item(&b.items[1])}
	}, []reconcile.Kind{reconcile.SignedMoreOften}, "(1 times)"},
	"signed twice in one request": {func(w *world) {
		b := w.declare("r1", w.token(ring))
		e := w.sign(b)
		e.Items = append(e.Items, e.Items[0])
		w.outcome(b, audit.OutcomeIssued)
	}, []reconcile.Kind{reconcile.SignedMoreOften}, ""},
	"another version": {func(w *world) {
		b := w.declare("r1", w.token(ring))
		w.sign(b).Items[0].KeyVersion = 2
		w.outcome(b, audit.OutcomeIssued)
	}, []reconcile.Kind{reconcile.WrongVersion}, "under key version 2 and declared under 1"},
	"another version, HS256": {func(w *world) {
		b := w.declare("r1", w.token(ringH))
		w.sign(b).KeyVersion = w.value("3")
		w.outcome(b, audit.OutcomeIssued)
	}, []reconcile.Kind{reconcile.WrongVersion}, "under key version 3 and declared under 1"},
	"one jti, two tokens": {func(w *world) {
		b := w.issue("r1", ring, 1)
		two := w.token(ring)
		two.JTI = b.items[0].JTI
		c := w.declare("r2", two)
		w.sign(c)
		w.outcome(c, audit.OutcomeIssued)
	}, []reconcile.Kind{reconcile.JTITwice}, "two different tokens"},
	"not in the log": {func(w *world) {
		w.outcome(w.declare("r1", w.token(ring)), audit.OutcomeIssued)
	}, []reconcile.Kind{reconcile.UnsignedRecord}, "has no such signature"},
	"refused by Vault and issued": {func(w *world) {
		b := w.declare("r1", w.token(ring))
		w.sign(b).Error = "permission denied"
		w.outcome(b, audit.OutcomeIssued)
	}, []reconcile.Kind{reconcile.UnsignedRecord}, ""},
	"one item failed and is issued": {func(w *world) {
		b := w.declare("r1", w.token(ring), w.token(ring))
		w.sign(b).Items[1].Signed = false
		w.outcome(b, audit.OutcomeIssued)
	}, []reconcile.Kind{reconcile.UnsignedRecord}, ""},
	"a record removed": {func(w *world) {
		w.issue("r1", ring, 1)
		c := w.chain("r1")
		c.lines = slices.Delete(c.lines, len(c.lines)-2, len(c.lines)-1)
	}, []reconcile.Kind{reconcile.UndeclaredSignature, reconcile.BrokenChain}, ""},
	"a record that says nothing of signatures removed": {func(w *world) {
		w.write("r1", audit.Record{Event: audit.EventRevoked, ClientID: "x"})
		w.write("r1", audit.Record{Event: audit.EventKeys, Ring: ring})
		c := w.chain("r1")
		c.lines = slices.Delete(c.lines, len(c.lines)-2, len(c.lines)-1)
	}, []reconcile.Kind{reconcile.BrokenChain}, "1 records are missing"},
	"a record changed within a batch": {func(w *world) {
		b := w.declare("r1", w.token(ring), w.token(ring), w.token(ring))
		w.outcome(b, audit.OutcomeIssued)
		c := w.chain("r1")
		c.lines[len(c.lines)-3] = strings.Replace(c.lines[len(c.lines)-3], "orders", "others", 1)
	}, []reconcile.Kind{reconcile.UnsignedRecord, reconcile.UnsignedRecord, reconcile.UnsignedRecord, reconcile.BrokenChain}, ""},
	"no record": {func(w *world) {
		c := w.chain("r1")
		c.lines = append(c.lines, "hello")
	}, []reconcile.Kind{reconcile.BadRecord}, "no issuance record"},
	"declared afterwards": {func(w *world) {
		one := w.token(ring)
		signed := w.request("update", "transit/sign/"+ring)
		signed.Items = []reconcile.Item{w.item(&one)}
		w.pass(time.Minute)
		w.outcome(w.declare("r1", one), audit.OutcomeIssued)
	}, []reconcile.Kind{reconcile.DeclaredLate}, "before it was declared"},
	"a canary of another chain": {func(w *world) {
		b := w.declare("r1", w.canary(ring))
		w.sign(b).Items[0].Reference = w.value(audit.Hash{1}.String())
		w.outcome(b, audit.OutcomeIssued)
	}, []reconcile.Kind{reconcile.BrokenAnchor}, "not the hash of the record before it"},

	"hash in the path":    {act("update", "transit/sign/"+ring+"/sha2-512", nil), []reconcile.Kind{reconcile.OtherPath}, "used by sign"},
	"hmac of a ring":      {act("update", "transit/hmac/"+ring, nil), []reconcile.Kind{reconcile.OtherPath}, "used by hmac"},
	"hmac with a hash":    {act("update", "transit/hmac/"+ringH+"/sha2-512", nil), []reconcile.Kind{reconcile.OtherPath}, ""},
	"data key":            {act("update", "transit/datakey/plaintext/"+ring, nil), []reconcile.Kind{reconcile.OtherPath}, ""},
	"encrypt":             {act("update", "transit/encrypt/"+ring, nil), []reconcile.Kind{reconcile.OtherPath}, ""},
	"decrypt":             {act("update", "transit/decrypt/"+ring, nil), []reconcile.Kind{reconcile.OtherPath}, ""},
	"CSR":                 {act("update", "transit/keys/"+ring+"/csr", nil), []reconcile.Kind{reconcile.OtherPath}, ""},
	"nothing to see":      {act("update", "transit/sign/"+ring, nil), []reconcile.Kind{reconcile.OtherPath}, "does not show what was signed"},
	"export":              {act("read", "transit/export/signing-key/"+ring+"/1", nil), []reconcile.Kind{reconcile.Export}, ""},
	"export, BYOK":        {act("read", "transit/byok-export/other/"+ring, nil), []reconcile.Kind{reconcile.Export}, ""},
	"raw storage":         {act("read", "sys/raw/logical/x/policy/"+ring, nil), []reconcile.Kind{reconcile.Export}, ""},
	"raw storage written": {act("update", "sys/raw/logical/x/policy/"+ring, nil), []reconcile.Kind{reconcile.Restore}, ""},
	"backup":              {act("read", "transit/backup/"+ring, nil), []reconcile.Kind{reconcile.Backup}, ""},
	"restore":             {act("update", "transit/restore", nil), []reconcile.Kind{reconcile.Restore}, ""},
	"restore by name":     {act("update", "transit/restore/"+macs, nil), []reconcile.Kind{reconcile.Restore}, ""},
	"snapshot put back":   {act("update", "sys/storage/raft/snapshot-force", nil), []reconcile.Kind{reconcile.Restore}, ""},
	"import":              {act("update", "transit/keys/"+ring+"/import", nil), []reconcile.Kind{reconcile.Import}, ""},
	"import of a version": {act("update", "transit/keys/"+ring+"/import_version", nil), []reconcile.Kind{reconcile.Import}, ""},
	"minimum lowered": {func(w *world) {
		state(w.data(w.request("update", "transit/keys/"+ring+"/config"), map[string]any{"min_decryption_version": 3}), 3, 1, false)
		state(w.data(w.request("update", "transit/keys/"+ring+"/config"), map[string]any{"min_decryption_version": 2}), 2, 1, false)
		state(w.data(w.request("update", "transit/keys/"+ring+"/config"), map[string]any{"min_decryption_version": 3}), 3, 1, false)
	}, []reconcile.Kind{reconcile.KeyConfig}, "min_decryption_version was lowered from 3 to 2"},
	"fence lowered": {func(w *world) {
		state(w.data(w.request("update", "transit/keys/"+ring+"/config"), map[string]any{"min_encryption_version": 2}), 1, 2, false)
		state(w.data(w.request("update", "transit/keys/"+ring+"/config"), map[string]any{"min_encryption_version": "0"}), 1, 0, false)
	}, []reconcile.Kind{reconcile.KeyConfig}, "min_encryption_version was lowered from 2 to 0"},
	"deletion allowed": {func(w *world) {
		state(w.data(w.request("update", "transit/keys/"+ring+"/config"), map[string]any{"deletion_allowed": true}), 1, 1, true)
	}, []reconcile.Kind{reconcile.KeyConfig}, "it may be deleted"},
	"exportable": {func(w *world) {
		state(w.data(w.request("update", "transit/keys/"+ring+"/config"), map[string]any{"exportable": true}), 1, 1, false)
	}, []reconcile.Kind{reconcile.KeyConfig}, "exportable was set"},
	"key deleted": {act("delete", "transit/keys/"+ring, nil), []reconcile.Kind{reconcile.KeyDeleted}, ""},
	"key made again": {func(w *world) {
		state(w.request("update", "transit/keys/"+ring), 1, 0, false)
	}, []reconcile.Kind{reconcile.KeyCreated}, "had existed before"},
	"policy changed":     {act("update", "sys/policies/acl/signet-issuer", map[string]any{"policy": `path "*" {}`}), []reconcile.Kind{reconcile.PolicyChanged}, ""},
	"old path of policy": {act("update", "sys/policy/signet-keeper", map[string]any{"policy": `path "*" {}`}), []reconcile.Kind{reconcile.PolicyChanged}, ""},
	"policy deleted":     {act("delete", "sys/policies/acl/signet-auditor", nil), []reconcile.Kind{reconcile.PolicyChanged}, "deleted"},
	"role changed":       {act("update", "auth/approle/role/signet-issuer", map[string]any{"token_policies": []string{"root"}}), []reconcile.Kind{reconcile.RoleChanged}, ""},
	"role elsewhere":     {act("update", "auth/kubernetes/role/signet-issuer", roleBody(0)), []reconcile.Kind{reconcile.RoleChanged}, ""},
	"part of a role":     {act("update", "auth/approle/role/signet-keeper/token-ttl", nil), []reconcile.Kind{reconcile.RoleChanged}, ""},
	"custom secret id":   {act("update", "auth/approle/role/signet-issuer/custom-secret-id", nil), []reconcile.Kind{reconcile.RoleChanged}, ""},
	"policy in capitals": {act("update", "sys/policies/acl/Signet-Issuer", map[string]any{"policy": `path "*" {}`}), []reconcile.Kind{reconcile.PolicyChanged}, ""},
	"role in capitals":   {act("update", "auth/approle/role/SIGNET-ISSUER/policies", nil), []reconcile.Kind{reconcile.RoleChanged}, ""},
	"device disabled":    {act("delete", "sys/audit/file", nil), []reconcile.Kind{reconcile.AuditDeviceChanged}, ""},
	"device enabled":     {act("update", "sys/audit/file2", map[string]any{"type": "file"}), []reconcile.Kind{reconcile.AuditDeviceChanged}, ""},
	"headers logged":     {act("update", "sys/config/auditing/request-headers/authorization", nil), []reconcile.Kind{reconcile.AuditDeviceChanged}, ""},
	"mount tuned": {
		act("update", "sys/mounts/transit/tune", map[string]any{"audit_non_hmac_response_keys": []string{"signature"}}),
		[]reconcile.Kind{reconcile.MountChanged},
		"",
	},
	"mount tuned, one key more": {
		act("update", "sys/mounts/transit/tune", map[string]any{"audit_non_hmac_request_keys": []string{"input", "reference", "key_version", "hmac"}}),
		[]reconcile.Kind{reconcile.MountChanged},
		"",
	},
	"unmounted":                     {act("delete", "sys/mounts/transit", nil), []reconcile.Kind{reconcile.MountChanged}, ""},
	"mounted":                       {act("update", "sys/mounts/transit", map[string]any{"type": "transit"}), []reconcile.Kind{reconcile.MountChanged}, ""},
	"moved":                         {act("update", "sys/remount", map[string]any{"from": "transit", "to": "old"}), []reconcile.Kind{reconcile.MountChanged}, ""},
	"moved in":                      {act("update", "sys/remount", map[string]any{"from": "mine/", "to": "transit/"}), []reconcile.Kind{reconcile.MountChanged}, ""},
	"moved, as Vault also reads it": {act("update", "sys/remount", map[string]any{"from": "//transit", "to": "old"}), []reconcile.Kind{reconcile.MountChanged}, "perhaps"},
	"no answer, and so perhaps": {func(w *world) {
		w.request("read", "transit/export/signing-key/"+ring).Answered = false
	}, []reconcile.Kind{reconcile.Export}, "no answer to this request"},
}

// act is one request.
func act(operation, path string, body any) func(*world) {
	return func(w *world) {
		e := w.request(operation, path)
		if body != nil {
			w.data(e, body)
		}
	}
}

func roleBody(i int) map[string]any { return vaultinit.Roles()[i].Body }

func eachWay(t *testing.T, run func(t *testing.T, hashed bool)) {
	t.Helper()
	for _, hashed := range []bool{false, true} {
		t.Run(fmt.Sprintf("hashed=%t", hashed), func(t *testing.T) { run(t, hashed) })
	}
}

func TestFindings(t *testing.T) {
	covered := map[reconcile.Kind]bool{}
	for name, c := range plants {
		for _, k := range c.want {
			covered[k] = true
		}
		eachWay(t, func(t *testing.T, hashed bool) {
			got := compare(t, around(hashed, c.plant).config(t), t.TempDir())
			var want []string
			for _, k := range c.want {
				want = append(want, string(k))
			}
			slices.Sort(want)
			if !slices.Equal(got.kinds(), want) {
				t.Fatalf("%s: %q, want %q\n%+v", name, got.kinds(), want, got.findings)
			}
			for i := range got.findings {
				complete(t, &got.findings[i])
			}
			if !strings.Contains(got.findings[0].Message, c.text) {
				t.Errorf("%s: %s", name, got.findings[0].Message)
			}
		})
	}
	covered[reconcile.DamagedLog] = true // TestDamagedLog
	for _, k := range reconcile.Kinds {
		if !covered[k] {
			t.Errorf("no plant is found as %s", k)
		}
	}
}

// complete: a finding says where it is, who did it, and what to do.
func complete(t *testing.T, f *reconcile.Finding) {
	t.Helper()
	if f.Log == "" && f.Record == "" || f.Message == "" || f.Time.IsZero() {
		t.Errorf("%+v says too little", f)
	}
	if f.Log != "" && (f.RequestID == "" || f.Path == "" || f.Who == (reconcile.Who{}) || f.Operation == "" || !strings.HasPrefix(f.Log, "audit.log:")) {
		t.Errorf("%+v says too little of Vault's request", f)
	}
	if f.Record != "" && !strings.HasPrefix(f.Record, "-:") {
		t.Errorf("record %q", f.Record)
	}
}

func TestHonestThings(t *testing.T) {
	label := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for name, plant := range map[string]func(w *world){
		"nothing":        func(*world) {},
		"lost and again": func(w *world) { w.lostAndAgain(w.token(ring)) },
		"never arrived and again": func(w *world) {
			one := w.token(ring)
			w.outcome(w.declare("r1", one), audit.OutcomeUnknown)
			b := w.declare("r1", one)
			w.sign(b)
			w.outcome(b, audit.OutcomeIssued)
		},
		"clocks that differ": func(w *world) {
			one := w.token(ring)
			signed := w.request("update", "transit/sign/"+ring)
			signed.Items = []reconcile.Item{w.item(&one)}
			w.pass(5 * time.Second)
			w.outcome(w.declare("r1", one), audit.OutcomeIssued)
		},
		"a canary lost and again": func(w *world) { w.lostAndAgain(w.canary(ring)) },
		"version refused, header rebuilt": func(w *world) {
			one := w.token(ring)
			b := w.declare("r1", one)
			w.sign(b).Error = "requested version for signing is less than the minimum encryption key version"
			w.outcome(b, audit.OutcomeDiscarded)
			one.Input, one.KeyVersion = w.draw(), 2
			b = w.declare("r1", one)
			w.sign(b)
			w.outcome(b, audit.OutcomeIssued)
		},
		"discarded": func(w *world) {
			b := w.declare("r1", w.token(ring), w.token(ring), w.token(ring))
			w.sign(b)
			w.outcome(b, audit.OutcomeIssued, audit.OutcomeDiscarded, audit.OutcomeUnknown)
		},
		"killed before the outcome": func(w *world) {
			w.sign(w.declare("r1", w.token(ring)))
			w.start("r1")
		},
		"killed before the request": func(w *world) {
			w.declare("r1", w.token(ring))
			w.anew("r1")
		},
		"declared, no answer in the log": func(w *world) {
			b := w.declare("r1", w.token(ring))
			w.sign(b).Answered = false
			w.outcome(b, audit.OutcomeUnknown)
		},
		"vault check": func(w *world) {
			for _, r := range rings {
				verb := "sign"
				if r.Algorithm.Symmetric() {
					verb = "hmac"
				}
				e := w.request("update", "transit/"+verb+"/"+r.Name)
				e.Items = []reconcile.Item{w.raw(r.Name, vaultcheck.ProbeInput(r.Algorithm), vaultcheck.ProbeReference, 1)}
				e = w.thief(r.Name, 1)
				e.Error = "permission denied"
			}
			act("update", "transit/verify/"+ringH, nil)(w)
			w.request("update", "transit/keys/"+ring+"/config").Error = "cannot set min decryption version of 999999999"
			w.request("delete", "transit/keys/"+ring).Error = "permission denied"
		},
		"labels": func(w *world) {
			e := w.request("update", "transit/hmac/"+macs)
			e.Items = []reconcile.Item{w.raw(macs, label(vaultkeys.MACLabel), "", 1)}
			e = w.request("update", "transit/hmac/"+ringH)
			e.Items = []reconcile.Item{w.raw(ringH, label(vaultkeys.KIDLabel), "", 1)}
		},
		"rotation, fence, retirement, trim": func(w *world) {
			state(w.request("update", "transit/keys/"+ring+"/rotate"), 1, 1, false)
			state(w.data(w.request("update", "transit/keys/"+ring+"/config"), map[string]any{"min_encryption_version": "2"}), 1, 2, false)
			state(w.data(w.request("update", "transit/keys/"+ring+"/config"), map[string]any{"min_decryption_version": "2"}), 2, 2, false)
			state(w.data(w.request("update", "transit/keys/"+ring+"/trim"), map[string]any{"min_available_version": "2"}), 2, 2, false)
			w.version = 2
		},
		"a raise without an answer": func(w *world) {
			w.data(w.request("update", "transit/keys/"+ring+"/config"), map[string]any{"min_decryption_version": "2"}).Answered = false
		},
		"deletion forbidden": func(w *world) {
			state(w.data(w.request("update", "transit/keys/"+ring+"/config"), map[string]any{"deletion_allowed": false}), 1, 1, false)
		},
		"vault init again": func(w *world) {
			policies, err := vaultinit.Policies(vaultinit.Config{Rings: rings})
			if err != nil {
				panic(err)
			}
			for _, p := range policies {
				act("update", "sys/policies/acl/"+p.Name, map[string]any{"policy": p.Text})(w)
			}
			for _, r := range vaultinit.Roles() {
				act("update", "auth/approle/role/"+r.Name, r.Body)(w)
				act("read", "auth/approle/role/"+r.Name+"/role-id", nil)(w)
				act("update", "auth/approle/role/"+r.Name+"/secret-id", nil)(w)
				act("update", "auth/approle/role/"+r.Name+"/secret-id-accessor/destroy", nil)(w)
			}
			act("update", "sys/mounts/transit/tune", map[string]any{"audit_non_hmac_request_keys": []string{"input", "reference", "key_version"}})(w)
		},
		"reads and lists": func(w *world) {
			for _, p := range []string{
				"transit/keys/" + ring, "transit/keys/" + macs, "sys/policies/acl/signet-issuer", "auth/approle/role/signet-issuer", "sys/audit",
				"sys/mounts", "sys/mounts/transit", "sys/mounts/transit/tune", "sys/storage/raft/snapshot",
			} {
				act("read", p, nil)(w)
			}
			act("list", "transit/keys/", nil)(w)
			act("list", "sys/raw/logical", nil)(w)
		},
		"other people's business": func(w *world) {
			for _, p := range []string{
				"transit/sign/billing", "transit/encrypt/billing", "transit/datakey/plaintext/billing", "transit/random/32", "transit/hash/sha2-256",
				"transit/keys/billing", "transit/keys/billing/config", "transit/restore/billing", "transit/config/keys",
				"sys/policies/acl/signet-key-operator", "sys/policies/acl/billing", "sys/mounts/kv", "sys/mounts/kv/tune",
				"auth/approle/role/billing", "auth/approle/role/signet-billing", "sys/storage/raft/snapshot-auto/config/daily",
			} {
				act("update", p, map[string]any{"x": "y"})(w)
			}
			act("read", "transit/export/signing-key/billing", nil)(w)
		},
	} {
		eachWay(t, func(t *testing.T, hashed bool) {
			got := compare(t, around(hashed, plant).config(t), t.TempDir())
			if len(got.findings) > 0 {
				t.Errorf("%s: %+v", name, got.findings)
			}
		})
	}
}
