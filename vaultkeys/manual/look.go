package manual

import (
	"context"
	"fmt"
	"slices"
	"time"

	"signet/vaultkeys"
	"signet/vaultkeys/lifecycle"
)

// Version is one version of a ring.
type Version struct {
	Number int
	// KID is empty where nobody could tell.
	KID string
	// CreatedAt is Vault's creation time; of an HS256 version when it was first
	// seen, zero if that is not known.
	CreatedAt time.Time
	// JWK is the public key as a JSON Web Key; nil for HS256.
	JWK []byte

	publicKey string // Vault's text of it, for the log
	from      source // who told KID
}

// look is one read of a ring, and what Redis knows about it.
type look struct {
	ring *vaultkeys.RingConfig
	data vaultkeys.KeyData
	// now is Vault's clock: its Date, so up to a second before the answer.
	now time.Time
	// listed are the versions that Vault lists, ascending.
	listed  []Version
	revoked revoked
	// may is the ring with the versions that may sign.
	may    lifecycle.Ring
	states map[int]lifecycle.State
	// fenceSeen says that Redis knows where min_encryption_version stands.
	fenceSeen bool
	// retiredAt is when min_decryption_version was first seen where it is, if
	// versions are retired and not trimmed; zero if that is not known.
	retiredAt time.Time
	// noted are the replicas' notes of kids, by version, once they were recalled.
	noted    map[int]string
	recalled bool
	notes    notes
}

// notes are what a human should know; each is said once.
type notes []string

func (n *notes) add(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(*n, text) {
		*n = append(*n, text)
	}
}

// revoked is the revoked list as far as it is known.
type revoked struct {
	config map[string]bool
	redis  map[string]Revocation
	known  bool // Redis told its part
}

func (r *revoked) has(kid string) bool {
	_, listed := r.redis[kid]
	return kid != "" && (listed || r.config[kid])
}

// revoked asks for the list.
func (o *Operator) revoked(ctx context.Context, n *notes) revoked {
	r := revoked{config: map[string]bool{}}
	for _, kid := range o.cfg.RevokedKIDs {
		r.config[kid] = true
	}
	var err error
	if o.cfg.Shared.Revoked != nil {
		r.redis, err = o.cfg.Shared.Revoked.List(ctx)
	}
	for kid, what := range r.redis {
		what.At = sane(what.At, o.cfg.Now())
		r.redis[kid] = what
	}
	r.known = o.cfg.Shared.Revoked != nil && err == nil
	if !r.known {
		n.add("the revoked list is not known%s: only the configuration's revoked_kids count", because(err))
	}
	return r
}

// because is the reason why Redis did not tell.
func because(err error) string {
	if err == nil {
		return " without Redis"
	}
	return fmt.Sprintf(" (%v)", err)
}

// look reads a ring. Besides, it remembers in Redis what it saw for the first
// time, as a keeper's look does.
func (o *Operator) look(ctx context.Context, ring *vaultkeys.RingConfig) (*look, error) {
	l := &look{ring: ring}
	l.revoked = o.revoked(ctx, &l.notes)
	data, meta, err := vaultkeys.ReadKey(ctx, o.cfg.Vault, o.paths, ring)
	if err != nil {
		return nil, fmt.Errorf("reading ring %q: %w", ring.Name, err)
	}
	l.data, l.now = data, meta.Date
	if l.now.IsZero() {
		l.now = o.cfg.Now().Round(0)
	}
	l.fenceSeen = o.seeFence(ctx, l)
	if l.lowest() > max(1, data.MinAvailableVersion) {
		l.retiredAt = o.firstSeen(ctx, l, vaultkeys.RetiredName(ring.Name), l.lowest())
	}
	if err := o.versions(ctx, l); err != nil {
		return nil, fmt.Errorf("reading ring %q: %w", ring.Name, err)
	}
	if !l.retiredAt.IsZero() {
		l.retiredAt = l.notBefore(l.lowest(), l.retiredAt, "min_decryption_version rose")
	}
	l.may = data.Ring()
	for _, v := range l.listed {
		if !l.revoked.has(v.KID) {
			l.may.Versions = append(l.may.Versions, lifecycle.Version{Number: v.Number, CreatedAt: v.CreatedAt})
		}
	}
	l.states = lifecycle.States(l.may, ring.EffectivePolicy(), l.now)
	return l, nil
}

// lookAt reads a ring by its name, which may be empty where there is only one.
func (o *Operator) lookAt(ctx context.Context, name string) (*look, error) {
	ring, err := o.ring(name)
	if err != nil {
		return nil, err
	}
	return o.look(ctx, ring)
}

// seeFence remembers in Redis where min_encryption_version stands, and reports
// whether that succeeded.
func (o *Operator) seeFence(ctx context.Context, l *look) bool {
	var err error
	if o.cfg.Shared.Fences != nil {
		// Vault's Date is cut to whole seconds, and it must not seem to have stood
		// for longer than it has.
		err = o.cfg.Shared.Fences.See(ctx, l.ring.Name, l.data.MinEncryptionVersion, l.now.Add(time.Second))
	}
	if o.cfg.Shared.Fences == nil || err != nil {
		l.notes.add("since when min_encryption_version stands cannot be remembered%s", because(err))
		return false
	}
	return true
}

func (o *Operator) versions(ctx context.Context, l *look) error {
	if l.ring.Algorithm.Symmetric() {
		return o.symmetric(ctx, l)
	}
	all, err := vaultkeys.ListedVersions(l.ring, &l.data)
	if err != nil {
		return err
	}
	for _, v := range all {
		jwk, err := vaultkeys.MarshalJWK(v.Key)
		if err != nil {
			return fmt.Errorf("version %d: %w", v.Version, err)
		}
		l.listed = append(l.listed, Version{Number: v.Version, KID: v.KID, CreatedAt: v.CreatedAt, JWK: jwk, publicKey: v.PublicKey})
	}
	return nil
}

// firstSeen is when a version was first seen, zero if that is not known.
func (o *Operator) firstSeen(ctx context.Context, l *look, name string, version int) time.Time {
	var at time.Time
	var err error
	if o.cfg.Shared.FirstSeen != nil {
		at, err = o.cfg.Shared.FirstSeen.FirstSeen(ctx, name, version, l.now)
	}
	if o.cfg.Shared.FirstSeen == nil || err != nil {
		l.notes.add("when versions were first seen is not known%s", because(err))
		return time.Time{}
	}
	return sane(at, l.now)
}

// sane is a time that Redis may mean; any other is not known, which is zero.
func sane(t, now time.Time) time.Time {
	if t.Year() < 2015 || t.After(now.AddDate(1, 0, 0)) { // Vault is of 2015
		return time.Time{}
	}
	return t
}

// signing is the version that signs now, 0 if none does.
func (l *look) signing() int {
	n, _ := lifecycle.Signing(l.may, l.ring.EffectivePolicy(), l.now)
	return n
}

// lowest is min_decryption_version, where 0 is 1.
func (l *look) lowest() int { return max(1, l.data.MinDecryptionVersion) }

// next is the next version above n that may sign, 0 if there is none.
func (l *look) next(n int) int {
	for _, v := range l.may.Versions {
		if v.Number > n {
			return v.Number
		}
	}
	return 0
}

// below are the listed versions below n.
func (l *look) below(n int) []Version {
	var out []Version
	for _, v := range l.listed {
		if v.Number < n {
			out = append(out, v)
		}
	}
	return out
}
