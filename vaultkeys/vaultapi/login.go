package vaultapi

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"signet/internal/regularfile"
)

// Login is a way to get a token: [Token], [TokenFile] or [AppRole].
type Login interface {
	method() string
	// login gets a token and its lease.
	login(ctx context.Context, c *Conn) (*session, error)
	// fingerprint reads the credentials as they are now.
	fingerprint() (fingerprint, error)
	// watched says that other credentials are to be taken up at once, not only
	// at the next login.
	watched() bool
}

// maxCredential bounds what is read from a credential file: a token that is a
// JWT has a few kilobytes.
const maxCredential = 64 << 10

var (
	errEmpty = errors.New("empty")
	// errUnreadable: whoever writes the credential may not have come to it yet.
	errUnreadable = errors.New("not readable yet")
	errCharacters = errors.New("it holds blanks or control characters")
	errTooLong    = errors.New("longer than 64 KiB")
	errNoToken    = errors.New("an answer without a token")
)

// Token uses a token that somebody else obtained; read is asked at every login
// and every few seconds, so the token may be replaced.
func Token(read func() (string, error)) Login { return supplied{name: "token", read: read} }

// TokenFile uses the token in a file that somebody else, such as Vault Agent or
// Kubernetes, keeps fresh. The file is read anew every few seconds and not
// watched: both replace it (a rename, a swapped symlink), and a watch on the
// inode goes deaf.
func TokenFile(path string) Login {
	return supplied{name: "token_file", read: func() (string, error) { return readFile(path) }}
}

func readFile(path string) (string, error) {
	raw, err := regularfile.Read(path, maxCredential)
	if err != nil {
		return "", fmt.Errorf("reading: %w", err)
	}
	return string(raw), nil
}

// credential reads one secret and refuses what cannot be one: a file is empty
// for a moment while it is being written.
func credential(read func() (string, error)) (string, error) {
	s, err := read()
	if err != nil {
		return "", fmt.Errorf("%w: %w", errUnreadable, err)
	}
	s = strings.TrimSpace(s)
	if err := checkCredential(s); err != nil {
		return s, fmt.Errorf("%w: %w", errUnreadable, err)
	}
	return s, nil
}

func checkCredential(s string) error {
	switch {
	case s == "":
		return errEmpty
	case len(s) > maxCredential:
		return errTooLong
	case strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return errCharacters // it would not fit a header either
	}
	return nil
}

func fingerprintOf(secrets ...string) fingerprint {
	h := sha256.New()
	for _, s := range secrets {
		_ = binary.Write(h, binary.BigEndian, uint64(len(s))) // a hash takes everything
		_, _ = h.Write([]byte(s))                             // likewise
	}
	return fingerprint(h.Sum(nil))
}

// supplied is a token of somebody else's.
type supplied struct {
	name string
	read func() (string, error)
}

func (l supplied) method() string { return l.name }

func (l supplied) watched() bool { return true }

func (l supplied) fingerprint() (fingerprint, error) {
	token, err := credential(l.read)
	if err != nil {
		return fingerprint{}, err
	}
	return fingerprintOf(token), nil
}

// login asks Vault what is left of the token, which also proves it.
func (l supplied) login(ctx context.Context, c *Conn) (*session, error) {
	token, err := credential(l.read)
	if err != nil {
		return nil, fmt.Errorf("reading the token: %w", err)
	}
	var self struct {
		TTL        int64   `json:"ttl"`
		ExpireTime *string `json:"expire_time"`
		Renewable  bool    `json:"renewable"`
	}
	s := &session{token: token, at: time.Now()}
	_, _, err = c.do(ctx, call{op: opLogin, method: http.MethodGet, path: "auth/token/lookup-self", token: token, out: &self})
	if errors.Is(err, ErrPermissionDenied) {
		c.log.WarnContext(ctx, "the vault token may not look itself up, so when it ends is unknown: allow read on auth/token/lookup-self")
		s.forever, s.unknown = true, true
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	s.renewable = self.Renewable
	if s.forever = self.ExpireTime == nil && self.TTL == 0; s.forever {
		return s, nil
	}
	s.ttl = max(time.Second, time.Duration(self.TTL)*time.Second) // 0 is the last second
	s.longest = s.ttl
	return s, nil
}

// AppRoleConfig makes an AppRole login.
type AppRoleConfig struct {
	// Mount of the auth method; default "approle".
	Mount string
	// RoleID and SecretID are asked at every login, so an orchestrator may
	// replace what they read; RoleID is required, SecretID nil means that the
	// role wants none.
	RoleID, SecretID func() (string, error)
}

// AppRole logs in with a role id and a secret id. A response-wrapped secret id
// is not unwrapped here: it works once, and we log in again.
func AppRole(c AppRoleConfig) Login {
	if c.Mount == "" {
		c.Mount = "approle"
	}
	c.Mount = strings.Trim(strings.TrimPrefix(c.Mount, "auth/"), "/")
	return appRole{c}
}

type appRole struct{ AppRoleConfig }

func (l appRole) method() string { return "approle" }

func (l appRole) watched() bool { return false }

func (l appRole) credentials() (role, secret string, err error) {
	if role, err = credential(l.RoleID); err != nil {
		return "", "", fmt.Errorf("reading the role id: %w", err)
	}
	if l.SecretID == nil {
		return role, "", nil
	}
	if secret, err = credential(l.SecretID); err != nil {
		return "", "", fmt.Errorf("reading the secret id: %w", err)
	}
	return role, secret, nil
}

func (l appRole) fingerprint() (fingerprint, error) {
	role, secret, err := l.credentials()
	if err != nil {
		return fingerprint{}, err
	}
	return fingerprintOf(role, secret), nil
}

func (l appRole) login(ctx context.Context, c *Conn) (*session, error) {
	role, secret, err := l.credentials()
	if err != nil {
		return nil, err
	}
	in := map[string]string{"role_id": role}
	if secret != "" {
		in["secret_id"] = secret
	}
	k := call{op: opLogin, method: http.MethodPost, path: "auth/" + l.Mount + "/login", in: in, secrets: []string{role, secret}}
	s := &session{at: time.Now(), ours: true}
	_, r, err := c.do(ctx, k)
	if err != nil {
		return nil, err
	}
	if r.auth == nil {
		return nil, &Error{Op: k.op, Path: k.path, Messages: []string{errNoToken.Error()}, kind: ErrMalformed}
	}
	if err := checkCredential(r.auth.ClientToken); err != nil {
		return nil, &Error{Op: k.op, Path: k.path, Messages: []string{"the token in the answer: " + err.Error()}, kind: ErrMalformed}
	}
	s.token, s.renewable, s.forever = r.auth.ClientToken, r.auth.Renewable, r.auth.LeaseDuration == 0
	s.ttl = time.Duration(r.auth.LeaseDuration) * time.Second
	s.longest = s.ttl
	return s, nil
}
