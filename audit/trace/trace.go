package trace

import (
	"context"
	"fmt"
	"slices"
	"time"

	"signet/audit/vaultlog"
)

// Config of a trace.
type Config struct {
	// Log is Vault's audit log. Its Interest needs the mount and the namespace;
	// keys are not named, for another one may have signed it.
	Log vaultlog.Options
	// Records are files of issuance records, plain or gzip, of all replicas; none
	// is allowed. They are read more than once.
	Records []string
	// RecordsProgress is called while they are read, with bytes; nil is no hook.
	RecordsProgress func(done, total int64)
	// Hasher is asked only if the log turns out to be hashed; nil means that
	// nobody can be asked.
	Hasher Hasher
}

// Run looks for s. That nothing was found is no error, but [Report.Found]; that
// it could not be looked for is one.
func Run(ctx context.Context, cfg Config, s *Subject) (*Report, error) {
	r := &Report{Subject: *s, Signatures: []Signature{}, Records: []Record{}}
	records := &files{paths: cfg.Records, progress: cfg.RecordsProgress}
	if err := records.find(ctx, s, r); err != nil {
		return nil, err
	}
	search := newSearch(cfg.Hasher, r.inputs(), r.references())
	cfg.Log.Interest.TransitOnly = true
	stats, err := vaultlog.Scan(ctx, cfg.Log, func(e *vaultlog.Entry) error { return search.entry(ctx, e) })
	if err != nil {
		return nil, err
	}
	r.Log = Coverage{
		First: stats.First, Last: stats.Last, Lines: stats.Lines, Hashed: search.hashed,
		Problems: stats.Problems, Told: stats.Told,
	}
	r.take(search)
	if search.hashErr != nil && !r.Found {
		return nil, search.hashErr
	}
	r.notes(records, search)
	r.hideInputs()
	return r, nil
}

// hideInputs keeps from the output what was signed: under EdDSA and HS256 it is
// the token but for its signature.
func (r *Report) hideInputs() {
	for i := range r.Records {
		r.Records[i].Input = ""
	}
	for i := range r.Lineage {
		r.Lineage[i].Input = ""
	}
}

// inputs are all that is looked for by what was signed.
func (r *Report) inputs() []string {
	all := []string{r.Subject.input}
	for i := range r.Records {
		all = append(all, r.Records[i].Input)
	}
	for i := range r.Lineage {
		all = append(all, r.Lineage[i].Input)
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(s string) bool { return s == "" })
}

func (r *Report) references() []string {
	if r.Subject.JTI == "" {
		return nil
	}
	return []string{r.Subject.JTI}
}

// take sorts what was found to where it belongs. Of a token only its own input
// proves anything: its jti may be copied from another one.
func (r *Report) take(s *search) {
	own := map[string]bool{}
	if r.Subject.Token {
		own[r.Subject.input] = true
	} else {
		for i := range r.Records {
			own[r.Records[i].Input] = true
		}
	}
	for input := range own {
		r.Signatures = append(r.Signatures, s.found[input]...)
	}
	for _, sig := range s.byRef[r.Subject.JTI] {
		if slices.ContainsFunc(r.Signatures, sig.same) {
			continue
		}
		// Its input may be that of a record with this jti, which is looked for as
		// well: of a forged token that says nothing.
		sig.By = ByReference
		r.Signatures = append(r.Signatures, sig)
	}
	slices.SortStableFunc(r.Signatures, func(a, b Signature) int { return a.Time.Compare(b.Time) })
	for _, sig := range r.Signatures {
		if sig.Result != ResultRefused && (!r.Subject.Token || sig.By != ByReference) {
			r.Found = true
		}
	}
	for i := range r.Lineage {
		r.Lineage[i].Signatures = append([]Signature{}, s.found[r.Lineage[i].Input]...)
	}
}

// same says that two are one item of one request.
func (a Signature) same(b Signature) bool {
	return a.RequestID == b.RequestID && a.Item == b.Item && a.File == b.File && a.Line == b.Line
}

// slack is how far clocks and the order of lines may be apart.
const slack = 10 * time.Second

func (r *Report) notes(f *files, s *search) {
	r.noteSignatures()
	r.noteCoverage()
	if s.hashErr != nil {
		r.note("%v; only what is clear in the log was compared", s.hashErr)
	} else if s.hashed && len(r.Signatures) == 0 {
		r.note("values in this log are hashed: those of another audit device, or of one that was disabled and enabled again, cannot be found; was the right --audit-device named?")
	}
	if r.Log.Problems > 0 {
		r.note("%d lines of Vault's log could not be read, the first: %v", r.Log.Problems, r.Log.Told[0])
	}
	if f.broken > 0 {
		r.note("%d lines of the issuance records could not be read; signet audit reconcile says which", f.broken)
	}
	if f.more {
		r.note("the session has more than %d records; the others are not shown", maxRecords)
	}
	r.noteLineage(len(f.paths) > 0)
}

func (r *Report) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

func (r *Report) noteSignatures() {
	signed, other := 0, 0
	for _, sig := range r.Signatures {
		switch {
		case r.Subject.Token && sig.By == ByReference:
			other++
		case sig.Result == ResultSigned:
			signed++
		case sig.Result == ResultNoAnswer:
			r.note("Vault's log has request %s without its answer: Vault may or may not have signed", sig.RequestID)
		}
	}
	if signed > 1 {
		r.note("it was signed %d times: a batch that was sent again after a timeout does that, and every one of its declarations has its own record", signed)
	}
	if other > 0 && r.Found {
		r.note("its jti was also used with another input: a token whose header was made anew after Vault had refused the key version")
	} else if other > 0 {
		r.note("its jti is in Vault's log, but with another input: this token is not what Vault signed there")
	}
	for _, sig := range r.Signatures {
		if sig.Result == ResultSigned && len(r.Records) > 0 && sig.Key != "" && !r.declared(&sig) {
			r.note("request %s signed with %s, version %d, which no record of this token declares: run signet audit reconcile", sig.RequestID, sig.Key, sig.KeyVersion)
		}
	}
}

// declared says that a record has the key and the version of a signature.
func (r *Report) declared(sig *Signature) bool {
	return slices.ContainsFunc(r.Records, func(one Record) bool {
		return one.Ring == sig.Key && (sig.KeyVersion == 0 || one.KeyVersion == sig.KeyVersion)
	})
}

// noteCoverage compares the log with the time of the token.
func (r *Report) noteCoverage() {
	at := r.Subject.Iat
	if len(r.Records) > 0 {
		at = r.Records[0].Time
	}
	switch {
	case r.Log.First.IsZero():
		r.note("Vault's log, as it was given, has no line of an audit device")
	case r.Found || at.IsZero():
	case at.Before(r.Log.First.Add(-slack)):
		r.note("Vault's log, as it was given, begins at %s, after this token was made (%s): give the older files too", stamp(r.Log.First), stamp(at))
	case at.After(r.Log.Last.Add(slack)):
		r.note("Vault's log, as it was given, ends at %s, before this token was made (%s): give the newer files too", stamp(r.Log.Last), stamp(at))
	default:
		r.note("Vault's log reaches from %s to %s and has the time of this token (%s): it was not signed by this Vault, or a node's log or a file in the middle is missing", stamp(r.Log.First), stamp(r.Log.Last), stamp(at))
	}
}

// noteLineage says where a session's history is not whole.
func (r *Report) noteLineage(records bool) {
	if !records {
		return
	}
	if len(r.Records) == 0 {
		r.note("no issuance record declares it: give the records of all replicas, or it was signed outside Signet")
	} else if r.Subject.Token && !slices.ContainsFunc(r.Records, func(one Record) bool { return one.Input == r.Subject.input }) {
		r.note("the records with its jti declare another input: they are of another token, whose jti this one has, or this one was changed")
	}
	if len(r.Lineage) == 0 {
		return
	}
	if first := &r.Lineage[0]; first.Generation != 0 {
		r.note("the records do not reach back to the login of this session: the oldest is of generation %d (%s); give the older files too", first.Generation, first.where())
	}
	for i := range r.Lineage {
		if one := &r.Lineage[i]; len(one.Signatures) == 0 && one.Time.Before(r.Log.First.Add(-slack)) {
			r.note("Vault's log, as it was given, begins at %s, after the oldest token of this session (%s): give the older files too", stamp(r.Log.First), stamp(one.Time))
			return
		}
	}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
