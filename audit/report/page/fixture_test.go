package page_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"signet/audit"
	"signet/audit/report"
	"signet/vaultkeys/lifecycle"
)

var begin = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

const hour = time.Hour

// policy is a ring's that rotates every ten days.
var policy = lifecycle.Policy{
	PublishDelay: 24 * hour, MaxTTL: hour, RotationPeriod: 240 * hour, RetireMargin: 5 * time.Minute,
	RefreshInterval: 10 * time.Second, ClockSkew: 5 * time.Second,
}

// history tells a collector of one thing after another.
type history struct {
	*report.Collector
	seq map[string]uint64
}

func newHistory(made time.Time, rings ...report.Ring) *history {
	return &history{report.New(report.Config{Now: made, Rings: rings}), map[string]uint64{}}
}

func (h *history) add(at time.Time, replica string, r audit.Record) uint64 {
	h.seq[replica]++
	r.V, r.Seq, r.Time, r.Replica = audit.Version, h.seq[replica], at, replica
	if r.Event == audit.EventToken || r.Event == audit.EventCanary {
		r.Batch = r.Seq
	}
	h.Record(&r)
	return r.Seq
}

// sign declares one signature and says what became of it.
func (h *history) sign(at time.Time, replica string, r audit.Record, outcome audit.Outcome) {
	batch := h.add(at, replica, r)
	h.add(at.Add(3*time.Millisecond), replica, audit.Record{Event: audit.EventBatch, Batch: batch, Items: 1, Outcome: outcome})
}

// hostile are names that whoever writes policy, or claims to be a client, may
// choose.
var hostile = []string{
	`<script>alert("x")</script>`, "pay\u202eolleh\u202c\u200b", "=cmd|' /C calc'!A0", "שלום-עולם-זה-לקוח-ארוך-מאוד-ארוך-מאוד",
	"WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW", "漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字",
	"z\u0301\u0302\u0303\u0304\u0305\u0306\u0307algo", "' onload='x", "\x00\x1b[31mred\xff",
}

// month is thirty days of two replicas, two rings and three rotations.
func month(t *testing.T) *history {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	end := begin.Add(30 * 24 * hour)
	h := newHistory(end, report.Ring{Name: "signet-es256", Policy: policy}, report.Ring{Name: "signet-ed25519", Policy: policy})
	replicas := []string{"signet-0", "signet-1"}
	for _, replica := range replicas {
		h.add(begin.Add(time.Minute), replica, audit.Record{Event: audit.EventStart, Build: "v1.0.0"})
	}
	clients := []string{"orders", "billing", "login", "reports", "mobile-backend-for-frontend-europe-west", "search"}
	for at, i := begin.Add(5*time.Minute), 0; at.Before(end); at, i = at.Add(7*time.Minute), i+1 {
		load := 1 + random.IntN(3)
		if at.Hour() > 7 && at.Hour() < 20 {
			load += 4
		}
		for range load {
			ring := report.Ring{Name: "signet-es256"}
			if random.IntN(3) == 0 {
				ring.Name = "signet-ed25519"
			}
			client := clients[min(random.IntN(6), random.IntN(6))]
			if random.IntN(30) == 0 {
				client = hostile[random.IntN(len(hostile))]
			}
			outcome := audit.OutcomeIssued
			if random.IntN(400) == 0 {
				outcome = audit.OutcomeUnknown
			}
			h.sign(at, replicas[i%2], audit.Record{
				Event: audit.EventToken, ClientID: client, Grant: []string{"client_credentials", "refresh_token", "issue"}[random.IntN(3)],
				Audience: []string{"https://" + client + ".example.com"}, Ring: ring.Name, KeyVersion: 3 + int(at.Sub(begin)/(10*24*hour)),
			}, outcome)
		}
		h.troubles(at, replicas[i%2], random)
	}
	h.requests()
	return h
}

func (h *history) troubles(at time.Time, replica string, random *rand.Rand) {
	switch random.IntN(40) {
	case 0, 1, 2, 3:
		h.add(at, replica, audit.Record{Event: audit.EventRefused, ClientID: "orders", Endpoint: "token", Code: "invalid_scope", Reason: "not allowed"})
	case 4:
		h.add(at, replica, audit.Record{Event: audit.EventAuthenticationFailed, ClientID: hostile[random.IntN(len(hostile))], Code: "invalid_client", Count: 1 + random.IntN(900)})
	case 5:
		h.sign(at, replica, audit.Record{Event: audit.EventCanary, Ring: "signet-es256", KeyVersion: 3}, audit.OutcomeIssued)
	case 6:
		if random.IntN(9) == 0 {
			h.add(at, replica, audit.Record{Event: audit.EventRefresh, Kind: "reuse", SID: "c2Vzc2lvbi1vbmUtdHdv", ClientID: "login", Generation: 7, Presented: 4})
		}
	case 7:
		if random.IntN(5) == 0 {
			h.add(at, replica, audit.Record{Event: audit.EventRevoked, ClientID: "login", Subject: "user:" + hostile[random.IntN(len(hostile))], Count: 3})
		}
	case 8:
		h.add(at, replica, audit.Record{Event: audit.EventRefresh, Kind: "grace", SID: "c2Vzc2lvbi1vbmUtdHdv", ClientID: "login"})
	}
}

// requests are what Vault's log says of both keys.
func (h *history) requests() {
	for ring, key := range []string{"signet-es256", "signet-ed25519"} {
		state := report.KeyState{Latest: 3, MinDecryption: 3, MinEncryption: 3, Created: map[int]time.Time{3: begin.Add(-24 * hour)}}
		for v := 4; v <= 5; v++ {
			made := begin.Add(time.Duration(v-3)*10*24*hour - 24*hour)
			before := state.Created
			state.Latest, state.Created = v, map[int]time.Time{v: made}
			maps.Copy(state.Created, before)
			h.ask(made, key, report.Rotate, state, fmt.Sprintf("rotate-%d-%d", ring, v))
			state.MinEncryption = v
			h.ask(made.Add(24*hour), key, report.Configure, state, fmt.Sprintf("fence-%d-%d", ring, v))
			state.MinDecryption, state.Created = v, map[int]time.Time{v: made}
			h.ask(made.Add(25*hour), key, report.Configure, state, fmt.Sprintf("retire-%d-%d", ring, v))
		}
		made := begin.Add(29 * 24 * hour)
		state.Latest, state.Created = 6, map[int]time.Time{5: made.Add(-10 * 24 * hour), 6: made}
		h.ask(made, key, report.Rotate, state, fmt.Sprintf("rotate-%d-6", ring))
	}
	h.VaultLog(begin, begin.Add(30*24*hour))
}

func (h *history) ask(at time.Time, key string, action report.Action, state report.KeyState, id string) {
	h.KeyRequest(&report.KeyRequest{
		Time: at, Key: key, Action: action, State: &state, RequestID: id, Set: []string{"min_encryption_version"}, DisplayName: "approle",
		EntityID: "0b5f4c1e-6a44-4f0f-9a9c-4e4b7e3a2d10", Accessor: "hmac-sha256:017d62543c6d89543500158e7fc713db5dcd6510bf87bed4843735bcb06a9655",
		RemoteAddress: "10.0.0.7",
	})
}
