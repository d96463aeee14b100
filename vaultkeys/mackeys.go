package vaultkeys

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"signet/signer"
	"signet/vaultkeys/vaultapi"
)

// MACLabel is what D_v is derived from, inside Vault; issuer.hcl allows no other
// input for the key. It is for ever: another label would log everyone out.
const MACLabel = "signet refresh v1"

// MACKeysConfig configures [NewMACKeys].
type MACKeysConfig struct {
	// Vault is the connection. Required.
	Vault Vault
	// Mount is the transit mount's path; "" = transit.
	Mount string
	// Key is the name of the transit hmac key; "" = signet-refresh.
	Key string
	// RefreshInterval is the time between two reads of the key; 0 = 10s.
	RefreshInterval time.Duration
	// Now is the clock; nil = time.Now.
	Now func() time.Time
	// Logger takes alarms and failed reads; nil = slog.Default().
	Logger *slog.Logger
	// Registerer takes the metrics; nil = none.
	Registerer prometheus.Registerer
}

func (c *MACKeysConfig) defaults() {
	if c.Key == "" {
		c.Key = "signet-refresh"
	}
	if c.RefreshInterval <= 0 {
		c.RefreshInterval = 10 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
}

// MACKeys holds the secrets D_v behind refresh tokens, one for each usable
// version of a transit hmac key. D_v is derived inside Vault; this process
// keeps it in memory only. All methods may be called concurrently.
type MACKeys struct {
	cfg      MACKeysConfig
	keyPath  string
	hmacPath string
	reads    *singleFlight
	metrics  *macMetrics
	state    atomic.Pointer[macState]
}

// macState is what the last successful read showed. It is immutable.
type macState struct {
	lowest, latest int            // usable versions
	secrets        map[int][]byte // D_v of each
	logins         uint64         // the login under which they were asked for
	readAt         time.Time
}

// NewMACKeys returns keys that know nothing yet: call Load, then Run.
func NewMACKeys(cfg MACKeysConfig) *MACKeys {
	cfg.defaults()
	cfg.Logger = cfg.Logger.With("key", cfg.Key)
	paths := Paths{Mount: cfg.Mount}
	m := &MACKeys{cfg: cfg, keyPath: paths.Key(cfg.Key), hmacPath: paths.HMAC(cfg.Key)}
	m.reads = &singleFlight{floor: readFloor, timeout: readTimeout, now: cfg.Now, read: m.read}
	m.metrics = newMACMetrics(m, cfg.Registerer)
	return m
}

// Load reads the key once, with the errors of [Rings.Load].
func (m *MACKeys) Load(ctx context.Context) error {
	err := m.reads.join(ctx)
	if err == nil || errors.Is(err, ErrMisconfigured) || errors.Is(err, signer.ErrUnavailable) {
		return err
	}
	return fmt.Errorf("loading the refresh token key: %w: %w", signer.ErrUnavailable, err) // the caller's deadline
}

// Ready reports whether the key was read once since start. It stays true while
// Vault is sealed.
func (m *MACKeys) Ready() bool { return m.state.Load() != nil }

// Run reads the key again each RefreshInterval until ctx ends.
func (m *MACKeys) Run(ctx context.Context) error {
	for {
		interval := m.cfg.RefreshInterval
		if m.state.Load() == nil {
			interval = min(interval, firstRead)
		}
		if !pause(ctx, Jitter(interval)) {
			return nil
		}
		_ = m.reads.join(ctx) // read logs, counts and alarms by itself
	}
}

// Current is the newest version and its secret, to make tokens with. The
// secret is shared: do not change it.
func (m *MACKeys) Current() (version int, secret []byte, err error) {
	s := m.state.Load()
	if s == nil {
		return 0, nil, fmt.Errorf("%w: the refresh token key has not been read yet", signer.ErrUnavailable)
	}
	secret, ok := s.secrets[s.latest]
	if !ok { // its minimum rose above all that is known, and the rest of that read failed
		return 0, nil, fmt.Errorf("%w: no usable version of the refresh token key is known", signer.ErrUnavailable)
	}
	return s.latest, secret, nil
}

// Secret is the secret of a version that a token names. ok is false if the
// version is below the key's minimum or does not exist; a version newer than
// any known here makes one read of the key first, because another replica may
// have seen a rotation earlier. It never asks Vault to derive a number that
// the key does not have. The secret is shared: do not change it.
func (m *MACKeys) Secret(ctx context.Context, version int) (secret []byte, ok bool, err error) {
	s := m.state.Load()
	if s == nil || version > s.latest {
		if version < 1 {
			return nil, false, nil
		}
		// Not merely a read in flight: it may have begun before the rotation.
		if err := m.reads.fresh(ctx); err != nil {
			return nil, false, fmt.Errorf("reading the refresh token key: %w: %w", signer.ErrUnavailable, err)
		}
		s = m.state.Load()
	}
	secret, ok = s.secrets[version]
	return secret, ok, nil
}

// read asks for the key's versions and for the secrets not known yet.
func (m *MACKeys) read(ctx context.Context) error {
	err := m.update(ctx)
	if err == nil {
		return nil
	}
	m.metrics.failures.WithLabelValues(reasonOf(err)).Inc()
	if errors.Is(err, ErrMisconfigured) {
		m.alarm(alarmMisconfigured, "refresh token key misconfigured", "error", err)
	} else {
		m.cfg.Logger.Warn("reading the refresh token key", "error", err)
	}
	return err
}

func (m *MACKeys) update(ctx context.Context) error {
	logins := m.cfg.Vault.Logins() // before the read: a login in between makes the next read ask again
	readAt := m.cfg.Now()
	var d KeyData
	_, err := m.cfg.Vault.Read(ctx, m.keyPath, &d)
	switch {
	case errors.Is(err, vaultapi.ErrNotFound):
		return errMissing(m.cfg.Key, m.keyPath, err)
	case err != nil:
		return fmt.Errorf("reading the refresh token key: %w: %w", signer.ErrUnavailable, err)
	case d.Type == "": // an answer, but not transit's
		return fmt.Errorf("reading the refresh token key: %w: the answer has no key type", signer.ErrUnavailable)
	}
	next := &macState{
		// transit/hmac refuses versions below either minimum.
		lowest: max(1, d.MinDecryptionVersion, d.MinEncryptionVersion), latest: d.LatestVersion,
		secrets: map[int][]byte{}, logins: logins, readAt: readAt,
	}
	prev := m.state.Load()
	if prev != nil {
		// Dropped at once, whatever becomes of the rest of this read: raising
		// the minimum is how everyone is logged out, also of a key that somebody
		// made exportable, and that must not be used for anything else.
		prev = m.drop(prev, next.lowest)
	}
	if err := checkKey(m.cfg.Key, m.keyPath, "hmac", &d); err != nil {
		return err
	}
	if next.latest < next.lowest {
		return fmt.Errorf("reading the refresh token key: %w: Vault reports no usable version", signer.ErrUnavailable)
	}
	if err := m.derive(ctx, prev, next); err != nil {
		return fmt.Errorf("deriving the refresh token secret: %w: %w", signer.ErrUnavailable, err)
	}
	m.state.Store(next)
	return nil
}

// drop forgets the secrets below the minimum.
func (m *MACKeys) drop(s *macState, lowest int) *macState {
	if lowest <= s.lowest {
		return s
	}
	kept := *s
	kept.lowest = lowest
	kept.secrets = maps.Clone(s.secrets)
	maps.DeleteFunc(kept.secrets, func(version int, _ []byte) bool { return version < lowest })
	m.state.Store(&kept)
	return &kept
}

// derive fills next.secrets. It asks for what is not known, and for everything
// after a new login or when the numbering went back: the key may then be
// another one, and the key read would not show it.
func (m *MACKeys) derive(ctx context.Context, prev, next *macState) error {
	again := prev == nil || prev.logins != next.logins
	if prev != nil && next.latest < prev.latest {
		again = true
		m.alarm(alarmVanished, "versions of the refresh token key vanished: it was deleted and made anew, or restored from a backup",
			"latest", next.latest, "was", prev.latest)
	}
	for n := next.lowest; n <= next.latest; n++ {
		var known []byte
		if prev != nil {
			known = prev.secrets[n]
		}
		if known != nil && !again {
			next.secrets[n] = known
			continue
		}
		secret, err := hmacOf(ctx, m.cfg.Vault, m.hmacPath, n, MACLabel)
		if err != nil {
			return fmt.Errorf("version %d: %w", n, err)
		}
		if known != nil && subtle.ConstantTimeCompare(known, secret) == 0 {
			m.alarm(alarmKeyChanged, "a version of the refresh token key has another secret than before: refresh tokens made with the old one are refused",
				"version", strconv.Itoa(n))
		}
		next.secrets[n] = secret
	}
	return nil
}

func (m *MACKeys) alarm(kind alarmKind, message string, args ...any) {
	m.metrics.alarms.WithLabelValues(string(kind)).Inc()
	m.cfg.Logger.Error(message, append(args, "alarm", string(kind))...)
}
