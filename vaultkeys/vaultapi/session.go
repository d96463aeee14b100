package vaultapi

import (
	"context"
	"crypto/sha256"
	"errors"
	mathrand "math/rand/v2"
	"time"
)

// fingerprint recognises credentials without keeping them.
type fingerprint [sha256.Size]byte

// session is a token and its lease. It is immutable: a renewal makes a new one.
// Times are time.Now's, for their monotonic part: leases do not follow a clock
// that somebody sets.
type session struct {
	token     string
	at        time.Time     // before the request that granted the lease
	ttl       time.Duration // of the lease, from at
	longest   time.Duration // the longest lease this token had
	forever   bool          // no lease: a root token
	unknown   bool          // it may not look itself up, so there is no lease to go by
	renewable bool
	capped    bool // the last renewal gave less than before: the end is near
	ours      bool // we made it (AppRole), so we may replace and revoke it
	print     fingerprint
}

func (s *session) left() time.Duration { return s.ttl - time.Since(s.at) }

// flight is a login that is under way; all who need it wait for the same one.
type flight struct {
	done    chan struct{}
	session *session
	err     error
}

func (f *flight) wait(ctx context.Context) (*session, error) {
	select {
	case <-f.done:
		return f.session, f.err
	case <-ctx.Done():
		return nil, &Error{Op: opLogin, Path: "auth", Messages: []string{"waiting for a login: " + ctx.Err().Error()}, kind: ErrUnavailable, cause: ctx.Err()}
	}
}

// peek is the present session, nil without one.
func (c *Conn) peek() *session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current
}

// session gives a token to work with, other than bad (the one that Vault has
// just refused, "" for none). Without one it logs in; all callers share the
// login, each waits on its own ctx. After a failed login nobody tries again
// before the backoff is over: the last error is the answer.
func (c *Conn) session(ctx context.Context, bad string) (*session, error) {
	c.mu.Lock()
	if bad != "" && c.current != nil && c.current.token == bad {
		c.current = nil
	}
	if s := c.current; s != nil {
		c.mu.Unlock()
		return s, nil
	}
	if c.flight == nil && time.Now().Before(c.notBefore) {
		err := c.lastErr
		c.mu.Unlock()
		return nil, err
	}
	f := c.startLogin(ctx)
	c.mu.Unlock()
	return f.wait(ctx)
}

// relogin replaces a token that still works; it stays in use until then.
func (c *Conn) relogin(ctx context.Context) error {
	c.mu.Lock()
	f := c.startLogin(ctx)
	c.mu.Unlock()
	_, err := f.wait(ctx)
	return err
}

// startLogin joins the login under way or starts one. c.mu is held. The login
// outlives whoever asked first, for others wait for it, but not its own deadline.
func (c *Conn) startLogin(ctx context.Context) *flight {
	if c.flight != nil {
		return c.flight
	}
	f := &flight{done: make(chan struct{})}
	c.flight = f
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*c.timeout+time.Second)
		defer cancel()
		// Whatever goes wrong (tokens that are dead at birth): no login storm.
		if err := c.loginRate.Wait(ctx); err != nil {
			c.finish(ctx, f, nil, fingerprint{}, &Error{Op: opLogin, Path: "auth", Messages: []string{"too many logins"}, kind: ErrUnavailable})
			return
		}
		// Before the login reads the credentials: if they change in between, the
		// next look finds them changed.
		seen, _ := c.login.fingerprint()
		s, err := c.login.login(ctx, c)
		c.finish(ctx, f, s, seen, err)
	}()
	return f
}

// finish ends a login for all who wait.
func (c *Conn) finish(ctx context.Context, f *flight, s *session, seen fingerprint, err error) {
	c.mu.Lock()
	c.flight = nil
	recovered := c.failures > 0
	if err == nil {
		s.print = seen
		f.session, c.current = s, s
		if s.token != c.lastToken {
			c.lastToken = s.token
			c.logins.Add(1)
		}
		c.failures, c.notBefore, c.lastErr, c.refused = 0, time.Time{}, nil, false
	} else {
		c.refused, c.refusedPrint = !errors.Is(err, ErrUnavailable) && !errors.Is(err, errUnreadable), seen
		c.notBefore = time.Now().Add(loginBackoff(c.failures, c.refused))
		c.failures++
		c.lastErr = loginError(err)
		f.err = c.lastErr
	}
	failures, refused := c.failures, c.refused
	c.mu.Unlock()
	close(f.done)
	c.report(ctx, s, recovered, failures, refused, f.err)
	select {
	case c.wake <- struct{}{}:
	default: // Run is told already
	}
}

func (c *Conn) report(ctx context.Context, s *session, recovered bool, failures int, refused bool, err error) {
	switch {
	case err == nil:
		c.metrics.login(loginOK)
		c.log.InfoContext(ctx, "logged in to vault", "method", c.login.method(), "ttl", s.ttl.String(), "expires", !s.forever, "renewable", s.renewable, "recovered", recovered)
	case refused:
		c.metrics.login(loginRefused)
		c.log.ErrorContext(ctx, "vault login refused: repeating it will not help, the credentials or the role must be mended", "method", c.login.method(), "attempt", failures, "error", err)
	default:
		c.metrics.login(loginUnavailable)
		if failures == 1 || failures%30 == 0 { // about once a minute while an outage lasts
			c.log.WarnContext(ctx, "vault login not possible, trying on", "method", c.login.method(), "attempt", failures, "error", err)
		}
	}
}

// loginError is what callers of Read and Write get for a failed login: for them
// Vault is unavailable, whatever was wrong, and a refused secret id must not
// look like a refused request of theirs.
func loginError(err error) error {
	e := &Error{Op: opLogin, Path: "auth", Messages: []string{err.Error()}, kind: ErrLogin}
	if inner, ok := errors.AsType[*Error](err); ok {
		e.Path, e.Status, e.Messages = inner.Path, inner.Status, inner.Messages
	}
	if errors.Is(err, ErrSealed) {
		e.cause = ErrSealed
	}
	return e
}

// loginBackoff is the pause after a failed login. An outage is over quickly for
// us once it is over for Vault; what must be mended by hand is tried seldom.
func loginBackoff(failures int, refused bool) time.Duration {
	if refused {
		return backoff(failures, time.Second, time.Minute)
	}
	return backoff(failures, 250*time.Millisecond, 2*time.Second)
}

// backoff doubles from base to at most limit, and spreads by half downwards, so
// that replicas do not come back together.
func backoff(failures int, base, limit time.Duration) time.Duration {
	d := base
	for range min(failures, 16) {
		d = min(2*d, limit)
	}
	return d/2 + mathrand.N(d/2+1) //nolint:gosec // G404: spreading load needs no secrecy
}
