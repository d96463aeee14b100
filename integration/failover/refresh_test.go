package failover_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"signet/integration"
)

// refresh presents the session's newest token: once, or twice at the same time
// as a double click does. Without an answer it stays the newest, to be
// presented again.
func (c *caller) refresh(s *session, twice bool) {
	l := c.load
	first := rand.IntN(len(l.replicas))
	if !twice {
		c.took(s, l.present(s, s.newest(), first))
		return
	}
	l.doubles.Add(1)
	var answers [2]answer
	var both sync.WaitGroup
	for i := range answers {
		both.Go(func() { answers[i] = l.present(s, s.newest(), (first+i)%len(l.replicas)) })
	}
	both.Wait()
	if a, b := answers[0].successor, answers[1].successor; a != "" && b != "" && a != b {
		l.fail("a fork: one token has two successors, number %d of its session's", len(s.tokens)+1)
	}
	if answers[0].successor == "" {
		answers[0], answers[1] = answers[1], answers[0]
	}
	c.took(s, answers[0])
	if answers[1].invalid {
		l.fail("of two simultaneous presentations one was refused: %+v", answers)
	}
}

func (c *caller) took(s *session, a answer) {
	switch {
	case a.successor != "":
		c.load.refreshes.Add(1)
		s.tokens = append(s.tokens, a.successor)
	case a.invalid:
		s.lost = true
	}
}

// answer is one to a refresh: a successor, invalid, or neither, which is to be
// asked again.
type answer struct {
	successor string
	invalid   bool
}

func (l *load) present(s *session, token string, replica int) answer {
	began := time.Now()
	r, err := l.replicas[replica].TryPost("/oauth2/token", l.stack.Demo, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
	// That a session is lost is an answer too, which says nothing about recovery.
	if k := l.current.Load(); k != nil && r.Status != http.StatusBadRequest {
		k.saw(replica, s.slot, began, r.Status == http.StatusOK)
	}
	if err != nil {
		l.unanswered.Add(1)
		return answer{}
	}
	switch r.Status {
	case http.StatusOK:
		next, ok := r.JSON["refresh_token"].(string)
		if !ok {
			l.fail("200 without a refresh token: %v", r.Header)
		}
		return answer{successor: next}
	case http.StatusServiceUnavailable:
		l.refused.Add(1)
		if err := checkRetryAfter(r); err != nil {
			l.fail("%v", err)
		}
		return answer{}
	case http.StatusBadRequest:
		if r.JSON["error"] == "invalid_grant" {
			return answer{invalid: true}
		}
	}
	l.fail("a refresh was answered %d %s", r.Status, r.Body)
	return answer{}
}

func checkRetryAfter(r integration.Reply) error {
	if n, err := strconv.Atoi(r.Header.Get("Retry-After")); err != nil || n < 1 {
		return fmt.Errorf("503 with Retry-After %q, want seconds", r.Header.Get("Retry-After"))
	}
	return nil
}
