package signer

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Verify checks a token completely, by the key that its kid names and no other,
// and returns its claims. The error is ErrInvalidToken whatever is wrong with
// the token, and ErrUnavailable or ErrOverloaded only if the key holder has to be
// asked and cannot be: for HS256, which it alone can check, and for a kid that is unknown
// here on a token younger than what is known here.
func (s *Signer) Verify(ctx context.Context, token string) (Claims, error) {
	verified, err := s.VerifyFor(ctx, token, Asker{})
	return verified.Claims, err
}

// Asker is who wants a token verified. The zero value is anybody, for any token.
type Asker struct {
	// Client asks, and gets no more than its share of the key holder's time.
	Client string
	// Wants says whether a token with such claims concerns the asker: any other
	// is ErrInvalidToken before the key holder is asked about it. It sees claims
	// that nobody has verified yet, so it may only turn away. Nil wants all.
	Wants func(unverified Claims) bool
}

// VerifyFor is Verify for somebody who wants only some tokens, and says which
// key the token is of.
func (s *Signer) VerifyFor(ctx context.Context, token string, by Asker) (Token, error) {
	c, err := split(token)
	if err != nil {
		return Token{}, invalid(err)
	}
	h, err := parseHeader(c.header)
	if err != nil {
		return Token{}, invalid(err)
	}
	if !isAccessToken(h.typ) || h.kid == "" {
		return Token{}, invalid(errMalformed)
	}
	// Claims before key and signature: a token that is expired or foreign must
	// not cost a request to the key holder, and all give the same answer.
	claims, t, err := parseClaims(c.payload)
	if err != nil {
		return Token{}, invalid(err)
	}
	if err := s.checkClaims(claims, t); err != nil {
		return Token{}, invalid(err)
	}
	if by.Wants != nil && !by.Wants(claims) {
		return Token{}, invalid(errUnwanted)
	}
	key, err := s.verificationKey(ctx, h.kid, t.iat)
	if err != nil {
		return Token{}, err
	}
	// RFC 8725 sections 3.1 and 3.2: the key has one algorithm, and the header
	// may only confirm it. "none" and HS256 keyed by a public key end here.
	if h.alg != string(key.Algorithm) {
		return Token{}, invalid(errKeyType)
	}
	if err := s.checkSignature(ctx, key, c, by.Client); err != nil {
		return Token{}, err
	}
	return Token{Compact: token, Key: key, Claims: claims}, nil
}

var errUnwanted = errors.New("not a token that the caller wants")

// signingTime is the longest that a signature may take after its iat was
// chosen; the version that made it may be younger than iat by as much.
const signingTime = 3 * time.Second

// verificationKey is the key of a kid. Another replica may already sign with a
// version that was made since this one last looked (an HS256 version signs at
// once, and so does one that an emergency promoted): then the rings are read
// again, so that no good token is called invalid. A token older than the last
// read costs nothing: its version would be known. Each of the two clocks may be
// off by the skew, in opposite directions, and iat is cut to whole seconds.
func (s *Signer) verificationKey(ctx context.Context, kid string, iat time.Time) (Key, error) {
	if key, ok := s.cfg.Keys.VerificationKey(kid); ok {
		return key, nil
	}
	at := iat.Add(2*s.cfg.ClockSkew + signingTime + time.Second)
	if now := s.cfg.Now(); at.After(now) {
		at = now
	}
	if err := s.cfg.Keys.RefreshTo(ctx, at); err != nil {
		return Key{}, fmt.Errorf("looking for a kid that is unknown here: %w: %w", ErrUnavailable, err)
	}
	key, ok := s.cfg.Keys.VerificationKey(kid)
	if !ok {
		return Key{}, invalid(errKeyType)
	}
	return key, nil
}

func (s *Signer) checkSignature(ctx context.Context, key Key, c compact, client string) error {
	if !key.Algorithm.Symmetric() {
		if err := CheckSignature(key, c.input, c.signature); err != nil {
			return invalid(err)
		}
		return nil
	}
	ok, err := s.cfg.Backend.VerifyMAC(ctx, Request{Key: key, Input: c.input, Client: client}, c.signature)
	if errors.Is(err, ErrOverloaded) {
		return fmt.Errorf("verifying a MAC: %w", err)
	}
	if err != nil {
		return fmt.Errorf("verifying a MAC: %w: %w", ErrUnavailable, err)
	}
	if !ok {
		return invalid(errSignature)
	}
	return nil
}

// checkClaims checks issuer and dates. iss is compared byte for byte, never by
// prefix or substring (CVE-2024-53861).
func (s *Signer) checkClaims(c Claims, t times) error {
	now := s.cfg.Now()
	switch {
	case c.Issuer != s.cfg.Issuer:
		return errors.New("another issuer")
	case !now.Before(t.exp.Add(s.cfg.ClockSkew)): // RFC 7519 4.1.4: on or after exp
		return errors.New("expired")
	// The replica that signed may be ahead of Vault by the skew, this one behind by it.
	case now.Before(t.nbf.Add(-2 * s.cfg.ClockSkew)):
		return errors.New("not valid yet")
	case now.Before(t.iat.Add(-2 * s.cfg.ClockSkew)):
		return errors.New("issued in the future")
	case t.exp.Before(t.iat):
		return errors.New("expires before it is issued")
	default:
		return nil
	}
}

// invalid hides the reason behind the sentinel's text but keeps it for errors.Is.
func invalid(reason error) error { return fmt.Errorf("%w: %w", ErrInvalidToken, reason) }
