package integration_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"signet/integration"
)

// traffic asks every replica for tokens the whole time, each connection again
// as soon as it has its answer, and gives every token to a verifier at some
// moment of its life.
type traffic struct {
	stack    *integration.Stack
	replicas []*integration.Signet
	// judge says what is wrong with a token's kid; nil = nothing is.
	judge func(replica int, kid string, began, ended time.Time) error
	// unverified tokens go to no verifier.
	unverified bool
	// refused says what is wrong with an answer without a token; nil = everything.
	refused func(replica int, r integration.Reply, began, ended time.Time) error

	verifiers []*verifier
	stopped   atomic.Bool
	callers   sync.WaitGroup
	pending   sync.WaitGroup // tokens on their way to a verifier

	issued, verified, introspected, undecided, late atomic.Int64
	failures                                        failures
}

// failures counts them and keeps the first few.
type failures struct {
	mu    sync.Mutex
	count int
	first []string
}

func (f *failures) add(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count++
	if len(f.first) < 10 {
		f.first = append(f.first, time.Now().Format(time.StampMicro)+" "+err.Error())
	}
}

func (f *failures) report() (count int, first string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count, strings.Join(f.first, "\n")
}

// start begins with so many connections to each replica, and ends with the test.
func (tr *traffic) start(t *testing.T, connections int) {
	t.Helper()
	if len(tr.verifiers) == 0 {
		for i := range 8 {
			tr.verifiers = append(tr.verifiers, &verifier{replicas: tr.replicas, stale: i%2 == 1})
		}
	}
	for i := range tr.replicas {
		for range connections {
			tr.callers.Go(func() {
				for !tr.stopped.Load() {
					tr.ask(i)
				}
			})
		}
	}
	t.Cleanup(tr.stop)
}

// stop returns when every token that was issued has been verified.
func (tr *traffic) stop() {
	tr.stopped.Store(true)
	tr.callers.Wait()
	tr.pending.Wait()
}

func (tr *traffic) ask(replica int) {
	began := time.Now()
	r, err := tr.replicas[replica].TryPost("/oauth2/token", tr.stack.Demo, url.Values{"grant_type": {"client_credentials"}})
	ended := time.Now()
	token, ok := r.JSON["access_token"].(string)
	switch {
	case err != nil:
		tr.failures.add(fmt.Errorf("asking replica %d: %w", replica, err))
		return
	case r.Status == http.StatusOK && ok:
	case tr.refused == nil:
		tr.failures.add(fmt.Errorf("replica %d: status %d after %v: %s", replica, r.Status, ended.Sub(began), r.Body))
		return
	default:
		if err := tr.refused(replica, r, began, ended); err != nil {
			tr.failures.add(err)
		}
		return
	}
	tr.issued.Add(1)
	parsed, _, err := jwt.NewParser().ParseUnverified(token, &jwt.RegisteredClaims{})
	if err != nil {
		tr.failures.add(err)
		return
	}
	kid, _ := parsed.Header["kid"].(string)
	if tr.judge != nil {
		if err := tr.judge(replica, kid, began, ended); err != nil {
			tr.failures.add(fmt.Errorf("replica %d: %w", replica, err))
		}
	}
	if tr.unverified {
		return
	}
	exp, err := parsed.Claims.GetExpirationTime()
	if err != nil || exp == nil {
		tr.failures.add(fmt.Errorf("a token without exp: %v", parsed.Claims))
		return
	}
	tr.hand(token, exp.Time)
}

// hand gives the token to a verifier at a moment before its exp: one in four at
// the very end, and a few to introspection as well.
func (tr *traffic) hand(token string, exp time.Time) {
	age := rand.N(max(time.Until(exp), 1))
	if rand.N(4) == 0 {
		age = time.Until(exp) - 10*time.Millisecond
	}
	tr.pending.Add(1)
	time.AfterFunc(age, func() {
		defer tr.pending.Done()
		err := tr.verifiers[rand.N(len(tr.verifiers))].verify(token)
		switch {
		case err == nil:
			tr.verified.Add(1)
		case errors.Is(err, jwt.ErrTokenExpired) && time.Now().After(exp):
			tr.late.Add(1) // this machine came too late, and the verifier was right
		default:
			tr.failures.add(fmt.Errorf("verifying a token %v before its exp: %w", time.Until(exp), err))
		}
		if rand.N(20) == 0 {
			tr.introspect(token, exp)
		}
	})
}

// introspect asks any replica. One that answers at the very end may find the
// token expired; one that waits for Redis longer than it may says so, which is
// no word about the token.
func (tr *traffic) introspect(token string, exp time.Time) {
	r, err := tr.replicas[rand.N(len(tr.replicas))].TryPost("/oauth2/introspect", tr.stack.Demo, url.Values{"token": {token}})
	switch {
	case time.Now().After(exp):
	case err != nil:
		tr.failures.add(fmt.Errorf("introspecting: %w", err))
	case r.Status == http.StatusServiceUnavailable:
		tr.undecided.Add(1)
	case r.Status != http.StatusOK || r.JSON["active"] != true:
		tr.failures.add(fmt.Errorf("introspecting a token %v before its exp: %d %s", time.Until(exp), r.Status, r.Body))
	default:
		tr.introspected.Add(1)
	}
}

// verifier is a resource server: it fetches the JWK set of some replica, keeps
// it for exactly as long as it may, and never fetches because of a token.
type verifier struct {
	replicas []*integration.Signet
	// stale keeps a set for stale-if-error too, as if fetching failed until then.
	stale bool

	mu    sync.Mutex
	set   jose.JSONWebKeySet
	until time.Time
}

func (v *verifier) verify(token string) error {
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"ES256"}), jwt.WithAudience("https://api.example.com"),
		jwt.WithExpirationRequired(), jwt.WithLeeway(time.Second)) // timers fire late
	_, err := parser.Parse(token, func(parsed *jwt.Token) (any, error) {
		kid, _ := parsed.Header["kid"].(string)
		return v.key(kid)
	})
	return err
}

func (v *verifier) key(kid string) (any, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !time.Now().Before(v.until) {
		if err := v.fetch(); err != nil {
			return nil, err
		}
	}
	keys := v.set.Key(kid)
	if len(keys) != 1 {
		return nil, fmt.Errorf("%d keys for kid %s in the set of %d, good for %v", len(keys), kid, len(v.set.Keys), time.Until(v.until))
	}
	return keys[0].Key, nil
}

func (v *verifier) fetch() error {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet,
		v.replicas[rand.N(len(v.replicas))].URL+"/.well-known/jwks.json", http.NoBody)
	if err != nil {
		return err
	}
	r, err := v.replicas[0].Send(req)
	if err != nil {
		return fmt.Errorf("fetching the JWK set: %w", err)
	}
	if r.Status != http.StatusOK {
		return fmt.Errorf("fetching the JWK set: %d %s", r.Status, r.Body)
	}
	received := time.Now() // RFC 9111 section 4.2: fresh from when it came
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(r.Body, &set); err != nil {
		return err
	}
	seconds, err := directive(r.Header.Get("Cache-Control"), "max-age")
	if err == nil && v.stale {
		var more int
		more, err = directive(r.Header.Get("Cache-Control"), "stale-if-error")
		seconds += more
	}
	v.set, v.until = set, received.Add(time.Duration(seconds)*time.Second)
	return err
}

// directive is a number of seconds in Cache-Control (RFC 9111 section 5.2).
func directive(header, name string) (int, error) {
	for part := range strings.SplitSeq(header, ",") {
		if value, ok := strings.CutPrefix(strings.TrimSpace(part), name+"="); ok {
			return strconv.Atoi(value)
		}
	}
	return 0, fmt.Errorf("no %s in Cache-Control %q", name, header)
}
