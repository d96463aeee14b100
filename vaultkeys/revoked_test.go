package vaultkeys_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/signer"
	"signet/vaultkeys"
)

// revokedList is a list that can be lost, and out of reach.
type revokedList struct {
	mu   sync.Mutex
	kids map[string]bool
	err  error
}

func (l *revokedList) set(err error, kids ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err, l.kids = err, map[string]bool{}
	for _, kid := range kids {
		l.kids[kid] = true
	}
}

func (l *revokedList) RevokedKIDs(context.Context) ([]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.kids)), l.err
}

func (l *revokedList) RestoreRevoked(_ context.Context, kid string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kids[kid] = true
	return l.err
}

func TestRevokedWhileRunning(t *testing.T) {
	t.Parallel()
	list := &revokedList{}
	list.set(nil)
	f := newFixture(t, func(c *vaultkeys.RingsConfig) { c.Revoked = list })
	f.load(t)
	old := f.signing(t, "es").KID
	f.vault.Rotate("es") // published, and promoted by what follows
	f.load(t)
	list.set(nil, old)
	f.load(t)
	next := f.signing(t, "es")
	if next.Version != 2 || !equal(f.kids(t), []string{next.KID}) {
		t.Errorf("version %d signs, published %v; want version 2 alone", next.Version, f.kids(t))
	}
	if _, ok := f.rings.VerificationKey(old); ok {
		t.Error("a revoked key verifies")
	}
	if f.alarms(t, "es", "revoked_listed") == 0 || !strings.Contains(f.log.String(), old) {
		t.Errorf("no alarm that Vault still lists it:\n%s", f.log)
	}
	list.set(errors.New("out of reach"))
	if err := f.rings.Load(t.Context()); !errors.Is(err, signer.ErrUnavailable) {
		t.Errorf("the list is out of reach: %v", err)
	}
	list.set(nil) // restored from a backup of before
	f.load(t)
	if got := f.signing(t, "es"); got.KID != next.KID {
		t.Errorf("the list was lost, and %+v signs", got)
	}
	if kids, _ := list.RevokedKIDs(t.Context()); !equal(kids, []string{old}) {
		t.Errorf("on the list again: %v, want %s", kids, old)
	}
}

// TestRevokedListTakesNothing: Redis is full or a replica of another. What it
// tells counts all the same, and a replica can start.
func TestRevokedListTakesNothing(t *testing.T) {
	t.Parallel()
	list := &readOnlyList{}
	other := strings.Repeat("A", 43)
	f := newFixture(t, func(c *vaultkeys.RingsConfig) { c.Revoked, c.RevokedKIDs = list, []string{other} })
	f.vault.Rotate("es")
	list.kids = []string{kidOf(t, f, 1), "no kid"}
	f.load(t)
	if !equal(f.kids(t), []string{kidOf(t, f, 2)}) {
		t.Errorf("published %v", f.kids(t))
	}
	f.load(t)
	if n := strings.Count(f.log.String(), "put it into keys.revoked_kids"); n != 1 {
		t.Errorf("said %d times:\n%s", n, f.log)
	}
}

// readOnlyList tells and takes nothing.
type readOnlyList struct{ kids []string }

func (l *readOnlyList) RevokedKIDs(context.Context) ([]string, error) { return l.kids, nil }
func (l *readOnlyList) RestoreRevoked(context.Context, string) error  { return errors.New("READONLY") }

// TestRevokedBeforeRead: a replica that cannot read the list publishes nothing,
// for Vault may list a key that must not be used.
func TestRevokedBeforeRead(t *testing.T) {
	t.Parallel()
	list := &revokedList{}
	list.set(errors.New("out of reach"))
	f := newFixture(t, func(c *vaultkeys.RingsConfig) { c.Revoked = list })
	if err := f.rings.Load(t.Context()); !errors.Is(err, signer.ErrUnavailable) || f.rings.Ready() || f.rings.JWKS().Loaded {
		t.Fatalf("Load: %v, ready %v, published %v", err, f.rings.Ready(), f.rings.JWKS().Loaded)
	}
	list.set(nil, kidOf(t, f, 1))
	f.load(t)
	if len(f.kids(t)) != 0 {
		t.Error("a revoked key is published")
	}
	if _, err := f.rings.SigningKey("es"); !errors.Is(err, signer.ErrUnavailable) {
		t.Errorf("signs with a revoked key: %v", err)
	}
}

// TestRevokedWhileSealed: the list is read although Vault is not.
func TestRevokedWhileSealed(t *testing.T) {
	t.Parallel()
	list := &revokedList{}
	list.set(nil)
	f := newFixture(t, func(c *vaultkeys.RingsConfig) { c.Revoked, c.RefreshInterval = list, time.Millisecond })
	f.load(t)
	kid := f.signing(t, "es").KID
	f.vault.Seal(true)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = f.rings.Run(ctx) }() // it returns nil
	defer func() { cancel(); <-ended }()
	list.set(nil, kid)
	for ok := true; ok; _, ok = f.rings.VerificationKey(kid) {
		if t.Context().Err() != nil {
			t.Fatal("never dropped")
		}
	}
}

// TestRevokedKeyFromABackup: the key is put back from a backup that somebody
// took before the revocation. Vault then lists the revoked version, which was
// trimmed, and would sign with it. A backup that can be taken needs
// allow_plaintext_backup, so a key that honestly has it is unfit as well.
func TestRevokedKeyFromABackup(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		unfit bool
		alarm string
	}{
		"as any other key":           {false, "revoked_listed"},
		"with plaintext_backup, too": {true, "misconfigured"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list := &revokedList{}
			list.set(nil)
			f := newFixture(t, func(c *vaultkeys.RingsConfig) { c.Revoked = list })
			f.load(t)
			old := f.signing(t, "es").KID
			f.vault.Flags("es", false, tc.unfit, false)
			backup := f.vault.Backup("es")
			f.vault.Flags("es", false, false, false)

			list.set(nil, old)
			f.vault.Rotate("es")
			f.vault.Configure("es", 2, 2)
			f.load(t)
			next := f.signing(t, "es").KID
			before := f.alarms(t, "es", tc.alarm)
			f.vault.Restore("es", backup)
			err := f.rings.Load(t.Context())
			if errors.Is(err, vaultkeys.ErrMisconfigured) != tc.unfit {
				t.Fatalf("reading the restored key: %v", err)
			}
			if _, ok := f.rings.VerificationKey(old); ok || !equal(f.kids(t), []string{next}) {
				t.Errorf("published %v, the revoked kid verifies: %v; want %s alone, and not", f.kids(t), ok, next)
			}
			if key, err := f.rings.SigningKey("es"); err == nil && key.KID == old {
				t.Error("signs with the revoked key")
			}
			if f.alarms(t, "es", tc.alarm) <= before {
				t.Errorf("no alarm %s:\n%s", tc.alarm, f.log)
			}

			// One that starts now knows nothing but the list.
			g := newFixture(t, func(c *vaultkeys.RingsConfig) { c.Vault, c.Revoked = f.vault, list })
			_ = g.rings.Load(t.Context()) // unfit, or with nothing to sign with
			if _, ok := g.rings.VerificationKey(old); ok || strings.Contains(string(g.rings.JWKS().Body), old) {
				t.Error("a replica that starts afterwards uses the revoked key")
			}
		})
	}
}
