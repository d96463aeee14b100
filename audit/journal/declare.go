package journal

import (
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"signet/audit"
	"signet/signer"
)

// Declare writes one record for each signature that Vault is about to be asked
// for, in one batch, and gives the batch's number. With an error nothing may be
// asked for. A canary's declaration gets its reference here: the hash of the
// record before it, so that Vault's log holds a link of the chain.
func (j *Journal) Declare(batch []signer.Declaration) (id uint64, err error) {
	upTo, err := j.declare(batch, &id)
	if err != nil {
		return 0, err
	}
	if j.file != nil && j.cfg.Fsync == Always {
		if err := j.file.sync(upTo); err != nil {
			j.Outcome(id, "", discarded(len(batch)))
			return 0, j.failed(err)
		}
	}
	return id, nil
}

// declare tells also how many bytes of the file must be on disk.
func (j *Journal) declare(batch []signer.Declaration, id *uint64) (upTo int64, err error) {
	now := j.cfg.Now()
	j.mu.Lock()
	defer j.mu.Unlock()
	records := j.declaring[:0]
	for i := range batch {
		records = append(records, declaration(&batch[i], now))
	}
	j.declaring = records
	defer clear(records) // it holds what belongs to requests
	// What waits is written first, so that the batch's number is its first record's.
	if err := j.settleWaiting(); err != nil {
		return 0, err
	}
	first := j.seq + 1
	for i := range records {
		records[i].Batch = first
	}
	err = j.write(records)
	if err != nil && j.seq >= first {
		// In the chain, but Vault is not asked.
		j.waiting = append(j.waiting, outcomeRecord(first, "", discarded(len(batch)), now))
	}
	if err != nil {
		return 0, err
	}
	for i := range batch {
		if batch[i].Request.Claims == nil {
			batch[i].Reference = records[i].Prev
		}
	}
	*id = first
	if j.file != nil {
		upTo = j.file.written.Load()
	}
	return upTo, nil
}

// failed is a write that failed after it seemed done.
func (j *Journal) failed(err error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	err = notOnDisk(err)
	j.settled(err)
	return err
}

// declaration is the record of one signature to be made.
func declaration(d *signer.Declaration, now time.Time) audit.Record {
	key := d.Request.Key
	r := audit.Record{
		Time: now, Event: audit.EventCanary, Ring: key.Ring, KID: key.KID, KeyVersion: key.Version,
		Input: input(d.Sent),
	}
	c, o := d.Request.Claims, &d.Request.Origin
	if c == nil {
		return r
	}
	r.Event = audit.EventToken
	r.JTI, r.SID, r.ClientID, r.Subject, r.Audience, r.Scope = c.ID, c.SessionID, c.ClientID, c.Subject, c.Audience, c.Scope
	r.IssuedAt, r.Expiry = c.IssuedAt.Unix(), c.Expiry.Unix()
	r.Grant, r.Generation, r.Auth, r.Remote, r.TraceID = o.Grant, o.Generation, o.Auth, o.Remote, o.TraceID
	return r
}

// input is what a signature is asked for as Vault gets it: mostly a digest, for
// which there is room without an allocation.
func input(sent []byte) string {
	var room [88]byte // SHA-512
	return string(base64.StdEncoding.AppendEncode(room[:0], sent))
}

// Outcome writes what became of a batch: Vault's request id, empty if it did not
// answer, and one outcome for each declaration, in order.
func (j *Journal) Outcome(batch uint64, requestID string, outcomes []signer.Outcome) {
	r := outcomeRecord(batch, requestID, outcomes, j.cfg.Now())
	j.mu.Lock()
	defer j.mu.Unlock()
	one := [1]audit.Record{r}
	if err := j.write(one[:]); err != nil {
		j.waiting = append(j.waiting, r)
	}
}

func outcomeRecord(batch uint64, requestID string, outcomes []signer.Outcome, now time.Time) audit.Record {
	r := audit.Record{Time: now, Event: audit.EventBatch, Batch: batch, Items: len(outcomes), RequestID: strings.ToValidUTF8(requestID, "?")}
	same := true
	for _, o := range outcomes {
		same = same && o == outcomes[0]
	}
	if same {
		r.Outcome = outcomeNames[outcomes[0]]
		return r
	}
	r.Outcomes = make([]audit.Outcome, len(outcomes))
	for i, o := range outcomes {
		r.Outcomes[i] = outcomeNames[o]
	}
	return r
}

var outcomeNames = map[signer.Outcome]audit.Outcome{
	signer.Issued: audit.OutcomeIssued, signer.Discarded: audit.OutcomeDiscarded, signer.Unknown: audit.OutcomeUnknown,
}

func discarded(n int) []signer.Outcome { return slices.Repeat([]signer.Outcome{signer.Discarded}, n) }
