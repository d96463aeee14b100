package trace

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"signet/signer"
	"signet/vaultkeys"
)

// Subject is what to look for.
type Subject struct {
	// Token says that it was a token, and not only a jti.
	Token bool      `json:"token"`
	JTI   string    `json:"jti,omitempty"`
	SID   string    `json:"sid,omitempty"`
	KID   string    `json:"kid,omitempty"`
	Alg   string    `json:"alg,omitempty"`
	Iat   time.Time `json:"iat,omitzero"`
	Exp   time.Time `json:"exp,omitzero"`

	input string // as Vault got it, in base64; empty for a jti
}

// Errors of [Parse] that say nothing of the text: it may be a secret.
var (
	errNothing = errors.New("neither a token nor a jti is given")
	errNoToken = errors.New("this looks like a token and is none: three parts in base64url with a dot between them are needed, header and payload of JSON; was it cut off?")
)

// maxJTI is longer than any jti of Signet.
const maxJTI = 256

// Parse takes a compact JWS (RFC 7515 section 3.1) or a jti. Errors never repeat
// it.
func Parse(text string) (*Subject, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return nil, errNothing
	case strings.Count(text, ".") == 2 || strings.HasPrefix(text, "eyJ"): // "eyJ" is what {" becomes in base64
		return parseToken(text)
	case len(text) > maxJTI || strings.ContainsAny(text, " \t\r\n"):
		return nil, fmt.Errorf("a text of %d bytes is neither a token nor a jti", len(text))
	}
	return &Subject{JTI: text}, nil
}

func parseToken(text string) (*Subject, error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return nil, errNoToken
	}
	var header struct {
		Alg string `json:"alg"`
		KID string `json:"kid"`
	}
	var claims struct {
		JTI string  `json:"jti"`
		SID string  `json:"sid"`
		IAT float64 `json:"iat"`
		EXP float64 `json:"exp"`
	}
	if decode(parts[0], &header) != nil || decode(parts[1], &claims) != nil {
		return nil, errNoToken
	}
	input, err := vaultInput(signer.Algorithm(header.Alg), parts[0]+"."+parts[1])
	if err != nil {
		return nil, err
	}
	s := &Subject{Token: true, JTI: claims.JTI, SID: claims.SID, KID: header.KID, Alg: header.Alg, input: input}
	s.Iat, s.Exp = seconds(claims.IAT), seconds(claims.EXP)
	return s, nil
}

func decode(part string, into any) error {
	raw, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

// seconds is the zero time for a claim that is missing or no time.
func seconds(claim float64) time.Time {
	if claim <= 0 || claim > 1e11 {
		return time.Time{}
	}
	return time.Unix(int64(claim), 0).UTC()
}

// vaultInput is the "input" with which Signet has Vault sign: the digest of the
// signing input (RFC 7515 section 5.1), or all of it where Vault hashes.
func vaultInput(alg signer.Algorithm, signingInput string) (string, error) {
	params := vaultkeys.ParamsOf(alg, 0)
	if params.KeyType == "" {
		return "", fmt.Errorf("the token's alg %.20q is none that Signet signs with", string(alg))
	}
	sent := []byte(signingInput)
	if params.Prehashed {
		h := alg.Hash().New()
		h.Write(sent)
		sent = h.Sum(nil)
	}
	return base64.StdEncoding.EncodeToString(sent), nil
}
