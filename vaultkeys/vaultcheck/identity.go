package vaultcheck

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"signet/vaultkeys/vaultapi"
	"signet/vaultkeys/vaultinit"
)

// who is one of the two logins that Signet has.
type who struct {
	name    string // as findings call it
	policy  string // what `signet vault init` gives it
	setting string // where the configuration says how it logs in
	flag    string // of `signet vault init`, for its credentials
}

var (
	issuerLogin = who{name: "issuer", policy: vaultinit.Issuer, setting: "vault.auth", flag: "--credentials-dir DIR"}
	keeperLogin = who{name: "keeper", policy: vaultinit.Keeper, setting: "keeper.vault.auth", flag: "--keeper-credentials-dir DIR"}
)

// identity is a login that worked, and its token.
type identity struct {
	who
	conn Conn
	self tokenData
}

// tokenData is the "data" of auth/token/lookup-self, as far as it is used
// (https://developer.hashicorp.com/vault/api-docs/auth/token#lookup-a-token-self).
type tokenData struct {
	Accessor         string   `json:"accessor"`
	EntityID         string   `json:"entity_id"`
	Policies         []string `json:"policies"`
	IdentityPolicies []string `json:"identity_policies"`
	TTL              int64    `json:"ttl"` // seconds
	ExpireTime       *string  `json:"expire_time"`
}

func (d tokenData) policies() []string {
	return append(slices.Clone(d.Policies), d.IdentityPolicies...)
}

func (id *identity) root() bool { return slices.Contains(id.self.Policies, "root") }

// login looks at the token itself. ok is false if Vault refuses the login:
// nothing can be asked with it then.
func (c *check) login(ctx context.Context, w who, conn Conn) (id *identity, ok bool, err error) {
	id = &identity{who: w, conn: conn}
	_, err = conn.Read(ctx, "auth/token/lookup-self", &id.self)
	switch {
	case loginRefused(err):
		c.judge(false, Fail, w.name, fmt.Sprintf("Vault refuses the login of %s (%v), so nothing was checked with it", w.setting, err),
			fmt.Sprintf("%s writes new credentials; name them under %s", c.cfg.vaultInit(w.flag), w.setting))
		return id, false, nil
	case outage(err) != nil:
		return id, false, err
	case err != nil:
		c.judge(false, Unknown, w.name, fmt.Sprintf("its token may not look itself up (%v), so its policies and its end were not checked", err),
			c.allows(id))
		return id, true, nil
	}
	c.token(id)
	return id, true, nil
}

func (c *check) token(id *identity) {
	c.judge(!id.root(), Fail, id.name, "its token is a root token, which may do everything; what it cannot do was not checked",
		fmt.Sprintf("%s makes an AppRole with the policy %s alone; name its credentials under %s", c.cfg.vaultInit(id.flag), id.policy, id.setting))
	if id.root() {
		return // it never ends either, and has no other policy
	}
	ends := id.self.TTL > 0 || id.self.ExpireTime != nil
	c.judge(ends, Fail, id.name, "its token never expires, so a stolen one is good for ever",
		fmt.Sprintf("%s makes an AppRole whose tokens live a day at most; name its credentials under %s", c.cfg.vaultInit(id.flag), id.setting))
	if id.who == issuerLogin {
		c.judge(!slices.Contains(id.self.policies(), "default"), Warn, id.name,
			"its token has the policy default, which Vault renders anew for every request: that halves the rate of signatures",
			c.cfg.vaultInit("")+" takes it from the AppRole; a token that is made otherwise wants no_default_policy=true")
	}
}

// same: two logins are one identity if they share a token or an entity (an
// AppRole is one).
func same(a, b *identity) bool {
	return a.self.Accessor != "" && a.self.Accessor == b.self.Accessor || a.self.EntityID != "" && a.self.EntityID == b.self.EntityID
}

// refused: Vault's policy says no.
func refused(err error) bool { return errors.Is(err, vaultapi.ErrPermissionDenied) }

func (id *identity) has() string {
	return "its policies: " + strings.Join(id.self.policies(), ", ")
}
