package signer

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"signet/internal/jsonappend"
)

// Breaker says whether signing with a ring is known to be broken, so that
// callers need not each wait for the same timeout. *Canary is one.
type Breaker interface {
	// Err is nil while the ring may be tried.
	Err(ring string) error
	// Suspect is told of a signature that failed with ErrUnavailable. It must
	// not block.
	Suspect(ring string)
}

// Config makes a Signer.
type Config struct {
	// Keys and Backend are required.
	Keys    Keys
	Backend Backend
	// Issuer is the iss claim of every token, byte for byte; required.
	Issuer string
	// ClockSkew is how far other clocks may be off when a token is verified;
	// default 0: not at all.
	ClockSkew time.Duration
	// Breaker is asked before each signature; nil means always try.
	Breaker Breaker
	// Now is the clock; default time.Now.
	Now func() time.Time
}

func (c *Config) defaults() {
	if c.Now == nil {
		c.Now = time.Now
	}
}

// Signer signs and verifies access tokens. It is safe for concurrent use.
type Signer struct {
	cfg Config
	// headers holds the encoded header of each key that ever signed: a handful.
	headers sync.Map // headerID to string
}

// New makes a Signer.
func New(cfg Config) *Signer {
	cfg.defaults()
	return &Signer{cfg: cfg}
}

// Token is a signed access token and what is in it.
type Token struct {
	Compact string
	Key     Key
	Claims  Claims
}

// Sign makes a token with the version of ring that signs now. Header, kid and
// key version come from one immutable Key. If the key holder refuses that
// version (it was retired a moment ago), the ring is read again and the token
// built anew, once. Errors: ErrInvalidClaims, ErrUnknownRing, ErrOverloaded, and
// ErrUnavailable for everything that a retry may heal. The origin goes into the
// issuance record, not into the token.
func (s *Signer) Sign(ctx context.Context, ring string, c Claims, o Origin) (Token, error) {
	if c.Issuer != "" && c.Issuer != s.cfg.Issuer {
		return Token{}, fmt.Errorf("%w: iss is not this signer's", ErrInvalidClaims)
	}
	c.Issuer = s.cfg.Issuer
	if err := c.check(); err != nil {
		return Token{}, err
	}
	if s.cfg.Breaker != nil {
		if err := s.cfg.Breaker.Err(ring); err != nil {
			return Token{}, fmt.Errorf("signing with %s: %w: %w", ring, ErrUnavailable, err)
		}
	}
	key, err := choose(ctx, s.cfg.Keys, ring)
	if err != nil {
		if s.cfg.Breaker != nil && errors.Is(err, ErrNoVersion) && ctx.Err() == nil {
			s.cfg.Breaker.Suspect(ring) // so that not every caller waits as long
		}
		return Token{}, err
	}
	text, err := s.sign(ctx, key, &c, o)
	if errors.Is(err, ErrVersionRefused) {
		key, text, err = s.again(ctx, key, &c, o, err)
	}
	if err != nil {
		if s.cfg.Breaker != nil && errors.Is(err, ErrUnavailable) && ctx.Err() == nil {
			s.cfg.Breaker.Suspect(ring)
		}
		return Token{}, fmt.Errorf("signing with %s version %d: %w", ring, key.Version, err)
	}
	return Token{Compact: text, Key: key, Claims: c}, nil
}

// again is the one retry after a refused version. A second refusal is an
// outage as far as the caller is concerned: the minimums are being moved.
func (s *Signer) again(ctx context.Context, refused Key, c *Claims, o Origin, cause error) (Key, string, error) {
	if err := s.cfg.Keys.Refresh(ctx, refused.Ring); err != nil {
		return refused, "", fmt.Errorf("%w: reading the ring again: %w", ErrUnavailable, err)
	}
	key, err := s.cfg.Keys.SigningKey(refused.Ring)
	if err != nil {
		return refused, "", fmt.Errorf("choosing a key again: %w", err)
	}
	if key.KID == refused.KID {
		return refused, "", fmt.Errorf("%w: no newer version signs yet: %w", ErrUnavailable, cause)
	}
	text, err := s.sign(ctx, key, c, o)
	if errors.Is(err, ErrVersionRefused) {
		err = fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return key, text, err
}

func (s *Signer) sign(ctx context.Context, key Key, c *Claims, o Origin) (string, error) {
	text := s.input(key, c)
	if len(text) > maxTokenSize {
		return "", fmt.Errorf("%w: the token would exceed %d bytes", ErrInvalidClaims, maxTokenSize)
	}
	sig, err := s.cfg.Backend.Sign(ctx, Request{
		Key: key, Input: slices.Clip(text), Reference: c.ID, Client: c.ClientID, Claims: c, Origin: o,
	})
	if err != nil {
		return "", err
	}
	if len(sig) == 0 {
		return "", fmt.Errorf("%w: empty signature", ErrUnavailable)
	}
	// Appending writes behind Input, never into it: a batch may still read it.
	text = append(text, '.')
	text = base64.RawURLEncoding.AppendEncode(text, sig)
	return string(text), nil
}

// payloads are buffers for the JSON of claims, which nobody needs once it is encoded.
var payloads = sync.Pool{New: func() any { return new([]byte) }}

// input is the JWS signing input, with room for the signature behind it.
func (s *Signer) input(key Key, c *Claims) []byte {
	encoding := base64.RawURLEncoding
	payload := payloads.Get().(*[]byte) //nolint:forcetypeassert // nothing else is put there
	defer payloads.Put(payload)
	*payload = c.appendJSON((*payload)[:0])
	head := s.header(key)
	size, _ := SignatureSize(key) // 0 costs an allocation only
	text := make([]byte, 0, len(head)+encoding.EncodedLen(len(*payload))+2+encoding.EncodedLen(size))
	text = append(text, head...)
	text = append(text, '.')
	return encoding.AppendEncode(text, *payload)
}

type headerID struct {
	kid       string
	algorithm Algorithm
}

// header is the encoded JOSE header of key, made once per key version.
func (s *Signer) header(key Key) string {
	id := headerID{key.KID, key.Algorithm}
	if cached, ok := s.headers.Load(id); ok {
		if text, ok := cached.(string); ok {
			return text
		}
	}
	b := jsonappend.String([]byte(`{"alg":`), string(key.Algorithm))
	b = append(b, `,"kid":`...)
	b = jsonappend.String(b, key.KID)
	b = append(b, `,"typ":"at+jwt"}`...)
	text := base64.RawURLEncoding.EncodeToString(b)
	s.headers.Store(id, text)
	return text
}
