package refresh_test

import (
	"fmt"

	"signet/refresh"
)

type kind int

// What can happen to a session. What a store does in several calls to Redis is
// several steps, between which others may come.
const (
	stepAdmit       kind = iota // no not-before has ended the session
	stepRefresh                 // the commit, or a refusal
	stepVerdict                 // of a refresh that was refused for a reuse or a rollback,
	stepEnd                     // and its revocation
	stepShutOut                 // a refresh refused because of a not-before
	stepForeign                 // a refresh by another client
	stepInspect                 //
	stepAlive                   // its access tokens go on, says the record
	stepDenied                  // its access tokens are over
	stepRevoke                  //
	stepRevokeToken             //
	stepShut                    // a not-before for the subject
	stepBury                    // a tombstone by a revocation of all
	stepRead                    // the record as it is
	stepFailover                // an older record comes back
	stepExpire                  //
	stepDrop                    // Redis deletes what is over
	// Steps whose answer nobody has seen. They may have happened or not.
	lostRefresh
	lostCommit
	lostEnd
	lostRevoke
	lostShut
)

var kindNames = map[kind]string{
	stepAdmit: "admit", stepRefresh: "refresh", stepVerdict: "verdict of refresh", stepEnd: "end by refresh",
	stepShutOut: "refresh refused by a not-before", stepForeign: "refresh by another client", stepInspect: "inspect",
	stepAlive: "alive", stepDenied: "denied", stepRevoke: "revoke", stepRevokeToken: "revoke token", stepShut: "set a not-before",
	stepBury: "bury",
	stepRead: "read the record", stepFailover: "failover", stepExpire: "expire", stepDrop: "drop",
	lostRefresh: "unanswered refresh", lostCommit: "unanswered commit", lostEnd: "unanswered end",
	lostRevoke: "unanswered revoke", lostShut: "unanswered not-before",
}

// step is what was asked of one session.
type step struct {
	session int
	kind    kind
	g       uint32 // the generation presented
	grace   bool
	attempt string    // the name of the commit, if one was sent
	to      automaton // of a failover
}

func (s step) String() string {
	switch s.kind { //nolint:exhaustive // the others need no more words
	case stepRefresh, stepVerdict, stepForeign, stepInspect, lostRefresh, lostCommit, stepEnd, lostEnd:
		return fmt.Sprintf(" of generation %d, attempt %.6x, grace %v", s.g, s.attempt, s.grace)
	case stepFailover:
		return fmt.Sprintf(" to %+v", s.to)
	default:
		return ""
	}
}

// sight is what was answered.
type sight struct {
	generation uint32
	cause      refresh.Cause
	ended      bool
	record     automaton
}

func (s sight) String() string {
	return fmt.Sprintf("generation %d, cause %q, ended %v, record %+v", s.generation, s.cause, s.ended, s.record)
}
