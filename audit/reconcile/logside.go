package reconcile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"signet/audit/vaultlog"
)

// ErrNeedsVault is wrapped by the error that a hashed log cannot be compared
// with the records without Vault.
var ErrNeedsVault = errors.New("vault's log is hashed, and only Vault can tell which hash stands for what")

// logSide takes Vault's log apart: what was signed goes to the spills, the rest
// to acts.
type logSide struct {
	cfg      *Config
	keys     map[string]*scopedKey
	expect   *expectations
	requests *requests
	clear    *spill // signed, by the id of a clear input
	hashed   *spill // signed, by the id of a hashed input
	acts     *acts
	ids      *ids
	known    map[id]bool // of known inputs, clear and, once seen, hashed
	asked    bool        // known has the hashed ones
	versions map[string]uint32
	first    span // of what was signed

	signatures, knowns int
	anyHashed          bool
}

func newLogSide(cfg *Config, dir string, b *book, r *requests, x *expectations) *logSide {
	s := &logSide{
		cfg: cfg, keys: map[string]*scopedKey{}, expect: x, requests: r, ids: newIDs(), known: map[id]bool{},
		clear:  newSpill(dir, "signed", signedSize, 0, cfg.Partitions),
		hashed: newSpill(dir, "hashed", signedSize, 0, cfg.Partitions),
		acts:   newActs(cfg, func(a *act) error { return b.add(a.finding(a.why)) }),
	}
	for i := range cfg.Keys {
		k := &cfg.Keys[i]
		s.keys[k.Name] = &scopedKey{k, s.ids.under(k.Name)}
		for _, input := range k.Known {
			s.known[s.ids.of(s.keys[k.Name].scope, []byte(input))] = true
		}
	}
	return s
}

// scopedKey is a key and the scope of the ids of what it signs.
type scopedKey struct {
	*Key

	scope scope
}

// entry takes one request. What failed did nothing.
func (s *logSide) entry(ctx context.Context, e *Entry) error {
	if e.Answered && e.Error != "" {
		return nil
	}
	if below, ok := strings.CutPrefix(e.Path, s.cfg.Mount+"/"); ok {
		verb, name, _ := strings.Cut(below, "/")
		if k := s.keys[name]; k != nil && verb == k.verb() {
			return s.signing(ctx, e, k)
		}
	}
	return s.acts.see(e)
}

func (k *Key) verb() string {
	if k.HMAC {
		return "hmac"
	}
	return "sign"
}

// signing spills the items of a request to sign.
func (s *logSide) signing(ctx context.Context, e *Entry, k *scopedKey) error {
	if len(e.Items) == 0 {
		return s.acts.odd(e, k.Key)
	}
	number, numbered := uint32(0), false
	for i := range e.Items {
		item := &e.Items[i]
		if e.Answered && !item.Signed {
			continue
		}
		hashed := vaultlog.Hashed(item.Input)
		if hashed && !s.asked {
			if err := s.askKnown(ctx); err != nil {
				return err
			}
		}
		what := s.ids.of(k.scope, item.Input)
		if s.known[what] {
			s.knowns++
			continue
		}
		if !numbered {
			var err error
			if number, err = s.requests.add(e); err != nil {
				return err
			}
			numbered = true
		}
		out := signed{
			id: what, reference: s.ids.short(noKey, item.Reference), request: number, time: nano(e.Time), index: uint32(i),
			version: uint32(max(0, item.KeyVersion)), unanswered: !e.Answered, //nolint:gosec // G115: Vault counts versions in 32 bits
		}
		if out.version == 0 && k.HMAC {
			var err error
			if out.version, err = s.version(ctx, e.KeyVersion); err != nil {
				return err
			}
		}
		if e.Answered {
			s.signatures++
		}
		if err := s.spill(&out, hashed); err != nil {
			return err
		}
	}
	if numbered {
		s.first.include(e.Time)
	}
	s.acts.exists(k.Name, e.Time)
	return nil
}

func (s *logSide) spill(out *signed, hashed bool) error {
	var b [signedSize]byte
	out.put(&b)
	if hashed {
		s.anyHashed = true
		return s.hashed.add(b[:])
	}
	return s.clear.add(b[:])
}

// askKnown learns what the known inputs look like in a hashed log.
func (s *logSide) askKnown(ctx context.Context) error {
	if s.cfg.Hasher == nil {
		return ErrNeedsVault
	}
	s.asked = true
	for i := range s.cfg.Keys {
		k := &s.cfg.Keys[i]
		for _, input := range k.Known {
			hash, err := s.expect.hash(ctx, input)
			if err != nil {
				return err
			}
			s.known[s.ids.of(s.keys[k.Name].scope, []byte(hash))] = true
		}
	}
	return nil
}

// lastVersion is up to which number a hashed key version is recognised; a key
// that is rotated daily has reached it after half a year.
const lastVersion = 200

// version reads the key version that was asked for, which is all that the log
// tells of an HMAC's; 0 if it is not to be known.
func (s *logSide) version(ctx context.Context, value []byte) (uint32, error) {
	value = bytes.Trim(value, `"`)
	if !vaultlog.Hashed(value) {
		n, err := strconv.ParseUint(string(value), 10, 32)
		if err != nil {
			return 0, nil //nolint:nilerr // whatever it is, it is not a version, and none is known
		}
		return uint32(n), nil
	}
	if s.versions == nil {
		if s.cfg.Hasher == nil {
			return 0, nil
		}
		numbers := make([]string, lastVersion)
		for i := range numbers {
			numbers[i] = strconv.Itoa(i + 1)
		}
		hashes, err := s.cfg.Hasher.All(ctx, numbers)
		if err != nil {
			return 0, fmt.Errorf("asking Vault for hashes: %w", err)
		}
		s.versions = map[string]uint32{}
		for i, h := range hashes {
			s.versions[h] = uint32(i + 1)
		}
	}
	return s.versions[string(value)], nil
}
