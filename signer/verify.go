package signer

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Verify checks a token completely, by the key that its kid names and no other,
// and returns its claims. The error is ErrInvalidToken whatever is wrong with
// the token, and ErrUnavailable only if it is HS256 and the key holder, which
// alone can check it, cannot be asked.
func (s *Signer) Verify(ctx context.Context, token string) (Claims, error) {
	c, err := split(token)
	if err != nil {
		return Claims{}, invalid(err)
	}
	h, err := parseHeader(c.header)
	if err != nil {
		return Claims{}, invalid(err)
	}
	if !isAccessToken(h.typ) || h.kid == "" {
		return Claims{}, invalid(errMalformed)
	}
	key, ok := s.keys.VerificationKey(h.kid)
	// RFC 8725 sections 3.1 and 3.2: the key has one algorithm, and the header
	// may only confirm it. "none" and HS256 keyed by a public key end here.
	if !ok || h.alg != string(key.Algorithm) {
		return Claims{}, invalid(errKeyType)
	}
	// Claims before the signature: a token that is expired or foreign must not
	// cost a request to the key holder (HS256), and both give the same answer.
	claims, t, err := parseClaims(c.payload)
	if err != nil {
		return Claims{}, invalid(err)
	}
	if err := s.checkClaims(claims, t); err != nil {
		return Claims{}, invalid(err)
	}
	if err := s.checkSignature(ctx, key, c); err != nil {
		return Claims{}, err
	}
	return claims, nil
}

func (s *Signer) checkSignature(ctx context.Context, key Key, c compact) error {
	if !key.Algorithm.Symmetric() {
		if err := CheckSignature(key, c.input, c.signature); err != nil {
			return invalid(err)
		}
		return nil
	}
	ok, err := s.backend.VerifyMAC(ctx, key, c.input, c.signature)
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
	now := s.now()
	switch {
	case c.Issuer != s.issuer:
		return errors.New("another issuer")
	case !now.Before(t.exp.Add(s.skew)): // RFC 7519 4.1.4: on or after exp
		return errors.New("expired")
	case now.Before(t.nbf.Add(-s.skew)):
		return errors.New("not valid yet")
	case now.Before(t.iat.Add(-s.skew)):
		return errors.New("issued in the future")
	case t.exp.Before(t.iat):
		return errors.New("expires before it is issued")
	default:
		return nil
	}
}

// invalid hides the reason behind the sentinel's text but keeps it for errors.Is.
func invalid(reason error) error { return fmt.Errorf("%w: %w", ErrInvalidToken, reason) }

// clockNow is the default of every Now in this package.
func clockNow(now func() time.Time) func() time.Time {
	if now == nil {
		return time.Now
	}
	return now
}
