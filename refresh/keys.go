package refresh

import (
	"context"
	"errors"
)

// MACKeys are the secrets D_v, one for each version of a key in Vault.
type MACKeys interface {
	// Current is the version that makes tokens now.
	Current() (version int, secret []byte, err error)
	// Secret is that of a version. ok is false for a version below the minimum
	// or that never existed; err means that it could not be found out.
	Secret(ctx context.Context, version int) (secret []byte, ok bool, err error)
}

// Labels keep the uses of one secret apart: a seal is never a token's MAC.
const (
	labelToken = "refresh token"
	labelSeal  = "session seal"
)

// keyPair is K_v for tokens and S_v for seals. Both are derived anew for each
// request, two hashes each: a cache would outlive a raised minimum.
type keyPair struct {
	version     int
	token, seal []byte
}

var (
	errUnusableKey = errors.New("the MAC key's version or secret is unusable")
	errNoKeys      = errors.New("this store holds none")
)

func derive(version int, secret []byte) (keyPair, error) {
	if version < 1 || version > maxMACVersion || len(secret) < 16 {
		return keyPair{}, errUnusableKey
	}
	return keyPair{version: version, token: mac(secret, []byte(labelToken)), seal: mac(secret, []byte(labelSeal))}, nil
}

func (s *Store) currentKeys() (keyPair, error) {
	if s.keys == nil {
		return keyPair{}, unavailable("reading the MAC key", errNoKeys)
	}
	version, secret, err := s.keys.Current()
	if err != nil {
		return keyPair{}, unavailable("reading the MAC key", err)
	}
	pair, err := derive(version, secret)
	if err != nil {
		return keyPair{}, unavailable("reading the MAC key", err)
	}
	return pair, nil
}

// keysOf gives the keys of a stored or presented version; ErrInvalid if there
// is none (any more).
func (s *Store) keysOf(ctx context.Context, version int) (keyPair, error) {
	if version < 1 || version > maxMACVersion {
		return keyPair{}, invalid(CauseRetiredKey)
	}
	if s.keys == nil {
		return keyPair{}, unavailable("reading the MAC key", errNoKeys)
	}
	secret, ok, err := s.keys.Secret(ctx, version)
	if err != nil {
		return keyPair{}, unavailable("reading the MAC key", err)
	}
	if !ok {
		return keyPair{}, invalid(CauseRetiredKey)
	}
	pair, err := derive(version, secret)
	if err != nil {
		return keyPair{}, unavailable("reading the MAC key", err)
	}
	return pair, nil
}

// authenticate proves a token our own, without Redis: what is forged or
// mangled ends here.
func (s *Store) authenticate(ctx context.Context, token string) (presented, error) {
	p, ok := parse(token)
	if !ok {
		return p, invalid(CauseMalformed)
	}
	pair, err := s.keysOf(ctx, p.macVersion)
	if err != nil {
		return p, err
	}
	if !p.authentic(pair.token) {
		return p, invalid(CauseForged)
	}
	return p, nil
}
