package vaultcheck

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"signet/vaultkeys"
	"signet/vaultkeys/vaultapi"
)

// Conn is a connection to Vault under one login; *vaultapi.Conn fits it.
type Conn interface {
	vaultkeys.Reader
	vaultkeys.Writer
}

// Severity says how bad a finding is.
type Severity string

// The severities.
const (
	Fail    Severity = "fail"    // a promise of docs/vault.md does not hold
	Warn    Severity = "warn"    // it holds, and something beside it is wrong
	Unknown Severity = "unknown" // it could not be looked at
)

// Severities are all of them, the worst first.
func Severities() []Severity { return []Severity{Fail, Warn, Unknown} }

// Finding is one thing that is wrong or could not be looked at. Commands in a
// remedy stand between backticks.
type Finding struct {
	Severity Severity `json:"severity"`
	// Where is a path in Vault, or whose login it is about.
	Where string `json:"where"`
	// Problem says what is wrong, Remedy what puts it right.
	Problem string `json:"problem"`
	Remedy  string `json:"remedy"`
}

// String is the finding in one line.
func (f Finding) String() string {
	return fmt.Sprintf("%-8s %s: %s; %s", f.Severity, f.Where, f.Problem, f.Remedy)
}

// Report is what a run found, in the order of the checks, which is always the
// same, and how many of them found nothing.
type Report struct {
	Findings []Finding `json:"findings"`
	Passed   int       `json:"passed"`
}

// Config is what [Run] looks at.
type Config struct {
	// Issuer is under the login of `signet serve`. Required.
	Issuer Conn
	// Keeper is under the keeper's; nil = there is none.
	Keeper Conn
	// Operator is under the login of a person who may read sys/audit (the policy
	// signet-auditor is enough); nil = there is none.
	Operator Conn
	// Mount is the path of the transit engine; "" = transit. AppRoleMount is that
	// of the auth method; "" = approle.
	Mount, AppRoleMount string
	// Rings are the key rings; name, algorithm and RSA bits are used.
	Rings []vaultkeys.RingConfig
	// MACKey is the hmac key behind refresh tokens. Required.
	MACKey string
	// ClockSkew is how far this host's clock may be from Vault's. Required.
	ClockSkew time.Duration
	// ConfigPath is the configuration file, for the remedies; "" = signet.yaml.
	ConfigPath string
	// Now is the clock; nil = time.Now.
	Now func() time.Time
}

func (c *Config) defaults() {
	fill := func(s *string, otherwise string) {
		if *s = strings.Trim(*s, "/"); *s == "" {
			*s = otherwise
		}
	}
	fill(&c.Mount, "transit")
	fill(&c.AppRoleMount, "approle")
	if c.ConfigPath == "" {
		c.ConfigPath = "signet.yaml"
	}
	if c.Now == nil {
		c.Now = time.Now
	}
}

// vaultInit is the command that puts most things right.
func (c *Config) vaultInit(flags string) string {
	return strings.TrimRight("`signet vault init --config "+c.ConfigPath+" "+flags, " ") + "`"
}

// Run looks at everything. An error means that Vault could not be asked, or
// could not answer: what was found until then is in the report.
func Run(ctx context.Context, cfg Config) (Report, error) {
	cfg.defaults()
	c := &check{cfg: &cfg, paths: vaultkeys.Paths{Mount: cfg.Mount}, keys: map[string]keyData{}}
	err := c.all(ctx)
	return c.report, err
}

// check is a run under way.
type check struct {
	cfg    *Config
	paths  vaultkeys.Paths
	report Report
	keys   map[string]keyData // by name, as the issuer reads them
	// clockSeen: Vault's clock was judged.
	clockSeen bool
}

func (c *check) all(ctx context.Context) error {
	issuer, ok, err := c.login(ctx, issuerLogin, c.cfg.Issuer)
	if err != nil {
		return err
	}
	if ok {
		if err := c.asIssuer(ctx, issuer); err != nil {
			return err
		}
	}
	if c.cfg.Keeper != nil {
		if err := c.asKeeper(ctx, issuer); err != nil {
			return err
		}
	}
	return c.auditing(ctx)
}

func (c *check) asIssuer(ctx context.Context, id *identity) error {
	for _, step := range []func(context.Context, *identity) error{c.readKeys, c.signs, c.derives, c.issuerRights} {
		if err := step(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// judge counts what holds, and keeps the finding of what does not.
func (c *check) judge(holds bool, severity Severity, where, problem, remedy string) {
	if holds {
		c.report.Passed++
		return
	}
	c.report.Findings = append(c.report.Findings, Finding{severity, where, problem, remedy})
}

// outage gives the error only if Vault could not be asked: what it refuses is
// an answer.
func outage(err error) error {
	if errors.Is(err, vaultapi.ErrUnavailable) || errors.Is(err, vaultapi.ErrTokenInvalid) {
		return err
	}
	return nil
}

// loginRefused: Vault was asked for a login and said no.
func loginRefused(err error) bool {
	e, ok := errors.AsType[*vaultapi.Error](err)
	return ok && errors.Is(err, vaultapi.ErrLogin) && e.Status >= 400 && e.Status < 500 && e.Status != http.StatusTooManyRequests
}
