package vaultkeys

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"signet/signer"
	"signet/vaultkeys/vaultapi"
)

const (
	// readFloor is the least time between the starts of two reads of one key.
	readFloor = 200 * time.Millisecond
	// readTimeout bounds one read with all that it asks, whoever waits for it.
	readTimeout = 10 * time.Second
	// firstRead is how soon a key is read again that was never read yet.
	firstRead = time.Second
)

// ringReader reads one ring. Only reads runs a read, one at a time, which is
// what guards the fields below it.
type ringReader struct {
	rings *Rings
	index int
	cfg   *RingConfig
	path  string
	want  TransitParams
	log   *slog.Logger
	reads *singleFlight

	symmetric *symmetricKIDs // for HS256, else nil
	missing   int            // answers in a row that the key does not exist
	signing   string         // kid of the version that signed at the last read

	alarms alarmList // those that hold: logged once, counted each round
}

func newRingReader(r *Rings, index int) *ringReader {
	cfg := &r.cfg.Rings[index]
	paths := Paths{Mount: r.cfg.Mount}
	reader := &ringReader{
		rings: r, index: index, cfg: cfg, path: paths.Key(cfg.Name),
		want: ParamsOf(cfg.Algorithm, cfg.RSABits), log: r.cfg.Logger.With("ring", cfg.Name),
	}
	if cfg.Algorithm.Symmetric() {
		reader.symmetric = &symmetricKIDs{
			vault: r.cfg.Vault, hmacPath: paths.HMAC(cfg.Name), verifyPath: paths.Verify(cfg.Name), notes: r.cfg.KIDs, log: reader.log,
		}
	}
	reader.reads = &singleFlight{floor: readFloor, timeout: readTimeout, now: r.cfg.Now, read: reader.read}
	return reader
}

// poll reads the ring each interval until ctx ends.
func (r *ringReader) poll(ctx context.Context) {
	for {
		interval := r.rings.cfg.RefreshInterval
		if r.rings.view.Load().rings[r.index] == nil {
			interval = min(interval, firstRead)
		}
		if !pause(ctx, Jitter(interval)) {
			return
		}
		_ = r.reads.join(ctx) // read logs, counts and alarms by itself
	}
}

// Jitter shortens an interval by up to a fifth, drawn anew each time, so that
// replicas and keepers do not fall into step. Never longer: the fence is computed from the
// interval.
func Jitter(interval time.Duration) time.Duration {
	if interval < 5 {
		return interval
	}
	return interval - rand.N(interval/5) //nolint:gosec // G404: spreads load, hides nothing
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// read asks Vault and publishes the answer. A failed read changes nothing that
// is published: only Vault's own answer takes a key away.
func (r *ringReader) read(ctx context.Context) error {
	in, err := r.ask(ctx)
	if err != nil {
		r.failed(err)
		r.withdraw(in, err)
		return err
	}
	r.missing = 0
	r.raise(r.rings.cfg.ClockSkew < in.clockOffset.Abs(), alarm{kind: alarmClockSkew}, "ahead", in.clockOffset)
	prev := r.rings.view.Load().rings[r.index]
	next, alarms := fold(prev, in, r.rings.revoked.Has)
	duplicates, err := r.rings.publish(r.index, next, r.rings.cfg.Now())
	if err != nil {
		err = fmt.Errorf("reading ring %q: %w: %w", r.cfg.Name, signer.ErrUnavailable, err)
		r.failed(err)
		return err
	}
	for _, e := range changes(r.cfg.Name, prev, next) {
		r.rings.cfg.Events(e)
	}
	r.signs(r.rings.view.Load().rings[r.index], r.rings.cfg.Now())
	r.lower(alarmStale)
	r.lower(alarmMisconfigured)
	seen := r.report(alarms, duplicates)
	r.alarms.settle(alarmRevokedListed, seen)
	r.alarms.settle(alarmDuplicateKey, seen)
	return nil
}

// ask reads the key and decodes it. With an error, what is left of the answer
// is for withdraw.
func (r *ringReader) ask(ctx context.Context) (reading, error) {
	var d KeyData
	sent := r.rings.cfg.Now()
	meta, err := r.rings.cfg.Vault.Read(ctx, r.path, &d)
	received := r.rings.cfg.Now()
	switch {
	case errors.Is(err, vaultapi.ErrNotFound):
		return reading{}, errMissing(r.cfg.Name, r.path, err)
	case err != nil:
		return reading{}, fmt.Errorf("reading ring %q: %w: %w", r.cfg.Name, signer.ErrUnavailable, err)
	case d.Type == "": // an answer, but not transit's
		return reading{}, fmt.Errorf("reading ring %q: %w: the answer has no key type", r.cfg.Name, signer.ErrUnavailable)
	}
	partial := reading{cfg: r.cfg, data: &d, readAt: sent}
	if err := checkKey(r.cfg.Name, r.path, r.want.KeyType, &d); err != nil {
		return partial, err
	}
	versions, err := r.versions(ctx, &d)
	if err != nil {
		return partial, fmt.Errorf("reading ring %q: %w: %w", r.cfg.Name, signer.ErrUnavailable, err)
	}
	if d.DeletionAllowed {
		r.raise(true, alarm{kind: alarmDeletable})
	} else {
		r.lower(alarmDeletable)
	}
	return reading{
		cfg: r.cfg, data: &d, versions: versions,
		readAt: sent, clockOffset: ClockOffset(sent, received, meta.Date),
	}, nil
}

func (r *ringReader) versions(ctx context.Context, d *KeyData) ([]keyVersion, error) {
	if r.symmetric == nil {
		return versionsOf(r.cfg, d)
	}
	versions, unknown, err := r.symmetric.versions(ctx, r.cfg, d)
	var alarms []alarm
	for _, number := range unknown {
		alarms = append(alarms, alarm{kind: alarmKIDUnknown, version: number})
	}
	seen := r.report(alarms, nil)
	if err == nil {
		r.alarms.settle(alarmKIDUnknown, seen)
	}
	return versions, err
}

// failed makes a failed read loud, and louder once the ring stops signing.
func (r *ringReader) failed(err error) {
	r.rings.metrics.failed(r.cfg.Name, err)
	s := r.rings.view.Load().rings[r.index]
	if errors.Is(err, ErrMisconfigured) {
		r.rings.metrics.alarm(r.cfg.Name, alarmMisconfigured)
		r.hold(alarm{kind: alarmMisconfigured})
		r.log.Error(messages[alarmMisconfigured], "error", err, "alarm", string(alarmMisconfigured))
	} else {
		r.log.Warn("reading a key ring", "error", err)
	}
	if s == nil {
		return
	}
	age := s.age(r.rings.cfg.Now())
	r.raise(age > r.cfg.staleAfter(), alarm{kind: alarmStale}, "age", age.String())
}

// report raises what a read showed, and returns all of it.
func (r *ringReader) report(alarms []alarm, duplicates []signer.Key) []alarm {
	for _, k := range duplicates {
		if k.Ring == r.cfg.Name {
			alarms = append(alarms, alarm{alarmDuplicateKey, k.Version, k.KID})
		}
	}
	for _, a := range alarms {
		r.raise(true, a)
	}
	return alarms
}

// raise counts an alarm whenever its condition is seen, and logs it when it
// was not seen before.
func (r *ringReader) raise(holds bool, a alarm, args ...any) {
	if !holds {
		r.alarms.lower(a)
		return
	}
	r.rings.metrics.alarm(r.cfg.Name, a.kind)
	if !r.hold(a) {
		return
	}
	r.rings.cfg.Events(RingEvent{Ring: r.cfg.Name, Kind: string(a.kind), Version: a.version, KID: a.kid})
	if a.version != 0 {
		args = append(args, "version", a.version)
	}
	if a.kid != "" {
		args = append(args, "kid", a.kid)
	}
	r.log.Error(messages[a.kind], append(args, "alarm", string(a.kind))...)
}

// hold puts an alarm on the list and reports whether it is new there.
func (r *ringReader) hold(a alarm) bool {
	now := r.rings.cfg.Now()
	return r.alarms.raise(a, now, now.Add(r.cfg.Policy.MaxTTL+eventMargin))
}

func (r *ringReader) lower(kind alarmKind) { r.alarms.lower(alarm{kind: kind}) }
