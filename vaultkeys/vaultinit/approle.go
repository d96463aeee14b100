package vaultinit

import (
	"context"
	"slices"
	"time"
)

// The policies and, for those who log in by themselves, the AppRoles.
const (
	Issuer  = "signet-issuer"
	Keeper  = "signet-keeper"
	Auditor = "signet-auditor"
)

// appRole is one AppRole, whose only policy bears its name.
type appRole struct{ name string }

// roles are those that log in unattended. An auditor is a person, who has a way
// to log in already: give that the policy signet-auditor.
var roles = []appRole{{name: Issuer}, {name: Keeper}}

// How long a token of theirs lives. Signet renews it and logs in again before
// the end; a stolen one ends within the day.
const (
	tokenTTL    = time.Hour
	tokenMaxTTL = 24 * time.Hour
)

// roleData is an AppRole as it is read and written; lifetimes in seconds.
type roleData struct {
	TokenPolicies        []string `json:"token_policies"`
	TokenNoDefaultPolicy bool     `json:"token_no_default_policy"`
	TokenType            string   `json:"token_type"`
	TokenTTL             int64    `json:"token_ttl"`
	TokenMaxTTL          int64    `json:"token_max_ttl"`
	TokenNumUses         int64    `json:"token_num_uses"`
	TokenPeriod          int64    `json:"token_period"`
	BindSecretID         bool     `json:"bind_secret_id"`
}

func (s *survey) rolePath(r appRole) string {
	return "auth/" + s.cfg.AppRoleMount + "/role/" + r.name
}

// role keeps what an operator may have chosen (lifetimes that are set, bound
// networks, secret id limits) and insists on what the policy's promise needs.
//
// Without the default policy: it is a template, which Vault renders for every
// request, and halves the rate of signatures. Service tokens: a batch token can
// be neither renewed nor revoked. Unlimited uses: every signature is one. No
// period, which a token could renew itself for ever with, and a day at most: a
// stolen one ends.
func (s *survey) role(ctx context.Context, r appRole) (step, error) {
	out := step{kind: "AppRole", name: s.rolePath(r)}
	var d roleData
	found, err := s.read(ctx, out.name, &d)
	if err != nil {
		return out, err
	}
	want := fresh(r)
	if !found {
		out.state = absent
	} else {
		if d.TokenMaxTTL != 0 {
			want.TokenMaxTTL = min(d.TokenMaxTTL, want.TokenMaxTTL)
		}
		if d.TokenTTL != 0 {
			want.TokenTTL = d.TokenTTL
		}
		// Vault refuses a role whose first life is longer than its longest.
		want.TokenTTL = min(want.TokenTTL, want.TokenMaxTTL)
		if d.equal(want) {
			return out, nil
		}
		out.state, out.note = differs, "policies, token type or limits were others"
	}
	out.do = func(ctx context.Context) error { return s.write(ctx, out.name, want) }
	return out, nil
}

func (d roleData) equal(o roleData) bool {
	return slices.Equal(d.TokenPolicies, o.TokenPolicies) && d.TokenNoDefaultPolicy == o.TokenNoDefaultPolicy &&
		d.TokenType == o.TokenType && d.TokenTTL == o.TokenTTL && d.TokenMaxTTL == o.TokenMaxTTL &&
		d.TokenNumUses == o.TokenNumUses && d.BindSecretID == o.BindSecretID &&
		d.TokenPeriod == o.TokenPeriod
}

// Role is an AppRole as [Run] makes it where there is none: Body is what is
// written, member by member.
type Role struct {
	Name string
	Body map[string]any
}

// Roles are those of issuer and keeper, in that order, for whoever compares them
// with what Vault's audit log says was written.
func Roles() []Role {
	all := make([]Role, 0, len(roles))
	for _, r := range roles {
		all = append(all, Role{Name: r.name, Body: fresh(r).members()})
	}
	return all
}

// fresh is a role where there was none.
func fresh(r appRole) roleData {
	return roleData{
		TokenPolicies: []string{r.name}, TokenNoDefaultPolicy: true, TokenType: "service", BindSecretID: true,
		TokenTTL: int64(tokenTTL / time.Second), TokenMaxTTL: int64(tokenMaxTTL / time.Second),
	}
}

// members are those of d's JSON.
func (d roleData) members() map[string]any {
	return map[string]any{
		"token_policies": d.TokenPolicies, "token_no_default_policy": d.TokenNoDefaultPolicy, "token_type": d.TokenType,
		"token_ttl": d.TokenTTL, "token_max_ttl": d.TokenMaxTTL, "token_num_uses": d.TokenNumUses, "token_period": d.TokenPeriod,
		"bind_secret_id": d.BindSecretID,
	}
}
