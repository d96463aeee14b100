package report

import (
	"time"

	"signet/audit"
)

// Events are the security events and revocations one by one.
type Events = Latest[Event]

// Event is one that an auditor may want to look at.
type Event struct {
	Time     time.Time `json:"time"`
	Kind     string    `json:"kind"`
	Replica  string    `json:"replica"`
	Seq      uint64    `json:"seq"`
	ClientID string    `json:"client_id,omitempty"`
	Subject  string    `json:"sub,omitempty"`
	Owner    string    `json:"owner,omitempty"`
	SID      string    `json:"sid,omitempty"`
	JTI      string    `json:"jti,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	Count    int       `json:"count,omitempty"`
}

// eventsMax is how many are listed.
const eventsMax = 200

func (c *Collector) event(r *audit.Record, kind string) {
	c.events.add(Event{
		Time: r.Time.UTC(), Kind: bounded(kind), Replica: bounded(r.Replica), Seq: r.Seq, ClientID: bounded(r.ClientID), Subject: bounded(r.Subject),
		Owner: bounded(r.Owner), SID: bounded(r.SID), JTI: bounded(r.JTI), Reason: bounded(r.Reason), Count: r.Count,
	}, eventsMax)
}

func (e Event) at() time.Time { return e.Time }
