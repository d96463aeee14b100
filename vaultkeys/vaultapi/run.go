package vaultapi

import (
	"context"
	"errors"
	mathrand "math/rand/v2"
	"net/http"
	"time"
)

// pollInterval is how often watched credentials are read; also how often refused
// ones are, because somebody may have mended them.
const pollInterval = 2 * time.Second

// Run logs in, keeps the token alive and logs in again where it cannot be kept
// alive, until ctx ends, whose error it returns. Vault being down is no reason
// to end.
//
// It is not vault/api's LifetimeWatcher: that one sleeps until the lease's end
// after a "permission denied", so a revoked token goes unnoticed; loses the
// error and spins when a renewal fails late; and reports max TTL as nil. This
// loop goes by the lease that Vault returned, never by the one it asked for.
func (c *Conn) Run(ctx context.Context) error {
	defer c.revoke(ctx)
	r := runner{c: c}
	for {
		timer := time.NewTimer(r.step(ctx))
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-c.wake:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// runner is Run's state: what is to be done next for the session it has seen.
type runner struct {
	c        *Conn
	seen     *session
	due      time.Time // zero: nothing is
	failures int       // of the renewal
}

// step does what is due and returns the pause until the next look.
func (r *runner) step(ctx context.Context) time.Duration {
	c := r.c
	if c.credentialsMended() {
		c.endBackoff()
	}
	s := c.peek()
	if s == nil {
		if _, err := c.session(ctx, ""); err != nil {
			return c.backoffPause()
		}
		if s = c.peek(); s == nil {
			return 0 // somebody's request found it dead again
		}
	}
	if c.login.watched() && c.credentialsReplaced(s) {
		_ = c.relogin(ctx) // reported there; the old token stays in use
		return c.backoffPause()
	}
	if s != r.seen {
		r.seen, r.failures, r.due = s, 0, s.due()
	}
	if !r.due.IsZero() && !time.Now().Before(r.due) {
		r.act(ctx, s)
	}
	pause := time.Hour
	if !r.due.IsZero() {
		pause = min(pause, time.Until(r.due))
	}
	if c.login.watched() {
		pause = min(pause, pollInterval)
	}
	return max(pause, 0)
}

// due is when something must be done for the token: renew it after two thirds
// of its lease, spread, or replace it by then.
func (s *session) due() time.Time {
	spread := time.Duration(float64(s.ttl) * (0.6 + 0.1*mathrand.Float64())) //nolint:gosec // G404: spreading load needs no secrecy
	switch {
	case s.forever:
		return time.Time{}
	case s.renewable && (!s.ours || !s.capped):
		return s.at.Add(max(spread, 500*time.Millisecond))
	case s.ours:
		return s.at.Add(spread)
	}
	return s.at.Add(s.ttl) // not ours and not renewable: only its owner can act before
}

// act renews the token, or logs in where renewing has no point.
func (r *runner) act(ctx context.Context, s *session) {
	c := r.c
	if !s.renewable || s.capped && s.ours || s.left() <= 0 {
		if c.backoffLeft() > 0 {
			r.due = time.Now().Add(c.backoffPause())
			return
		}
		if err := c.relogin(ctx); err != nil {
			r.due = time.Now().Add(c.backoffPause())
		} else {
			r.due = time.Now().Add(time.Second) // the same token again: its owner is late
		}
		return
	}
	renewed, err := c.renew(ctx, s)
	switch {
	case err == nil:
		c.replace(s, renewed)
		r.seen, r.failures, r.due = renewed, 0, renewed.due()
	case errors.Is(err, ErrTokenInvalid):
		c.log.WarnContext(ctx, "vault's token is dead before its time: logging in again", "method", c.login.method())
		_, _ = c.session(ctx, s.token) // reported there, and tried again by the next step
	case errors.Is(err, ErrUnavailable):
		r.due = time.Now().Add(min(loginBackoff(r.failures, false), max(0, s.left())))
		r.failures++
	default:
		c.log.WarnContext(ctx, "vault's token cannot be renewed: it is used to its end", "method", c.login.method(), "left", s.left().Round(time.Second), "error", err)
		fixed := *s
		fixed.renewable = false
		c.replace(s, &fixed)
		r.seen, r.failures, r.due = &fixed, 0, fixed.due()
	}
}

// renew extends the lease by what Vault finds right. It never asks for an
// increment: Vault caps one silently (a 200 with a mere warning), so only the
// returned lease counts.
func (c *Conn) renew(ctx context.Context, s *session) (*session, error) {
	at := time.Now()
	_, r, err := c.do(ctx, call{op: opRenew, method: http.MethodPost, path: "auth/token/renew-self", in: struct{}{}, token: s.token})
	if err != nil {
		return nil, err
	}
	if r.auth == nil {
		return nil, &Error{Op: opRenew, Path: "auth/token/renew-self", Messages: []string{"an answer without a lease"}, kind: ErrMalformed}
	}
	renewed := *s
	renewed.at, renewed.renewable = at, r.auth.Renewable
	renewed.ttl = time.Duration(r.auth.LeaseDuration) * time.Second
	// Less than before means that the maximum is reached: this was the last
	// lease worth having.
	renewed.capped = renewed.ttl < s.longest*9/10
	renewed.longest = max(s.longest, renewed.ttl)
	if renewed.capped && !s.ours {
		renewed.longest = renewed.ttl
		if !s.capped {
			c.log.WarnContext(ctx, "vault's token nears its maximum lifetime and renewing extends it no further: replace it", "method", c.login.method(), "left", renewed.ttl)
		}
	}
	return &renewed, nil
}

// replace puts renewed in the place of s, unless another token came meanwhile.
func (c *Conn) replace(s, renewed *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current != nil && c.current.token == s.token {
		c.current = renewed
	}
}

// credentialsReplaced: a watched source has something else than the session
// came from, and not just what was refused.
func (c *Conn) credentialsReplaced(s *session) bool {
	seen, err := c.login.fingerprint()
	if err != nil || seen == s.print {
		return false // unreadable or empty for a moment is no new token
	}
	return c.backoffLeft() <= 0
}

// credentialsMended: the login was refused, and the credentials have changed.
func (c *Conn) credentialsMended() bool {
	c.mu.Lock()
	refused, before := c.refused, c.refusedPrint
	c.mu.Unlock()
	if !refused {
		return false
	}
	seen, err := c.login.fingerprint()
	return err == nil && seen != before
}

func (c *Conn) endBackoff() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.notBefore, c.refused = time.Time{}, false
}

// backoffLeft is how long no login is tried.
func (c *Conn) backoffLeft() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.notBefore.IsZero() {
		return 0
	}
	return max(0, time.Until(c.notBefore))
}

// backoffPause is the pause before the next look while logins fail.
func (c *Conn) backoffPause() time.Duration {
	return min(c.backoffLeft(), pollInterval)
}

// revoke ends a token that we made, so that it does not outlive us. The end is
// bounded, and a failure only means that the lease runs out by itself.
func (c *Conn) revoke(ctx context.Context) {
	s := c.peek()
	if !c.revokeAtEnd || s == nil || !s.ours {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.timeout)
	defer cancel()
	_, _, err := c.do(ctx, call{op: "revoke", method: http.MethodPost, path: "auth/token/revoke-self", token: s.token})
	if err != nil {
		c.log.WarnContext(ctx, "revoking our vault token", "error", err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current != nil && c.current.token == s.token {
		c.current = nil
	}
}
