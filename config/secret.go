package config

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"signet/internal/regularfile"
	"signet/internal/strictyaml"
)

// Secret says where a secret is: exactly one of a file and an environment
// variable. It never holds the secret itself, so it is safe to print.
type Secret struct{ File, Env string }

// IsZero reports whether no secret is configured.
func (s Secret) IsZero() bool { return s == Secret{} }

// String says where the secret is.
func (s Secret) String() string {
	switch {
	case s.IsZero():
		return "no secret"
	case s.Env != "":
		return "environment variable " + s.Env
	default:
		return "file " + s.File
	}
}

// maxSecret bounds a secret file: nothing that logs anybody in is longer.
const maxSecret = 64 << 10

// Read returns the secret, without white space at its end. It reads each time:
// orchestrators replace the file. An empty secret is an error, because a file
// may be seen half written.
func (s Secret) Read() (string, error) {
	text, err := s.raw()
	if err != nil {
		return "", err
	}
	text = strings.TrimRight(text, " \t\r\n")
	switch {
	case text == "":
		return "", fmt.Errorf("reading the secret: %s is empty", s)
	case strings.ContainsAny(text, "\r\n\x00"):
		return "", fmt.Errorf("reading the secret: %s has more than one line", s)
	default:
		return text, nil
	}
}

func (s Secret) raw() (string, error) {
	switch {
	case s.IsZero():
		return "", errors.New("reading the secret: none is configured")
	case s.Env != "":
		text, ok := os.LookupEnv(s.Env)
		if !ok {
			return "", fmt.Errorf("reading the secret: %s is not set", s)
		}
		return text, nil
	}
	text, err := regularfile.Read(s.File, maxSecret)
	if err != nil {
		return "", fmt.Errorf("reading the secret: %w", err)
	}
	if len(text) > maxSecret {
		return "", fmt.Errorf("reading the secret: %s is longer than %d bytes", s, maxSecret)
	}
	return string(text), nil
}

// readSecret reads {file: PATH} or {env: NAME}. A text in its place is most
// likely the secret itself: it is refused without being repeated.
func (l *loader) readSecret(m *strictyaml.Map, key string, required bool) Secret {
	at := m.At(key)
	l.places[at.Field] = at
	if !m.Has(key) {
		if required {
			m.Refuse(key, "is missing", "write `"+key+": {file: PATH}` or `"+key+": {env: NAME}`")
		}
		return Secret{}
	}
	if !m.IsMap(key) {
		m.Refuse(key, "a secret may not stand in the configuration", "put it into a file and write `"+key+": {file: PATH}`, or `"+key+": {env: NAME}`; change it if this file was shared")
		return Secret{}
	}
	ref := m.Map(key)
	s := Secret{File: ref.String("file", ""), Env: ref.String("env", "")}
	if (s.File == "") == (s.Env == "") {
		m.Refuse(key, "needs exactly one of file and env", "write `{file: PATH}` or `{env: NAME}`")
		return Secret{}
	}
	s.File = l.resolve(s.File)
	return s
}

// CheckSecrets reads every secret that the configuration refers to and reports
// all that cannot be read, as *Error. The secrets are not kept.
func (c *Config) CheckSecrets() error {
	var violations []Violation
	refs := c.Vault.Auth.secrets("vault.auth")
	if c.Keeper != nil {
		refs = append(refs, c.Keeper.Auth.secrets("keeper.vault.auth")...)
	}
	refs = append(refs, secretRef{"redis.password", c.Redis.Password}, secretRef{"redis.sentinel_password", c.Redis.SentinelPassword})
	for _, ref := range refs {
		if ref.secret.IsZero() {
			continue
		}
		if _, err := ref.secret.Read(); err != nil {
			violations = append(violations, Violation{
				Line: c.places[ref.field].Line, Field: ref.field, Problem: err.Error(),
				Remedy: "provide it, readable for this user",
			})
		}
	}
	return strictyaml.NewError(c.path, violations)
}

// secretRef is a secret and the field that names it.
type secretRef struct {
	field  string
	secret Secret
}

// secrets are all that a login may need; those of other methods are zero.
func (a *Auth) secrets(section string) []secretRef {
	return []secretRef{
		{section + ".token", a.Token},
		{section + ".role_id", a.RoleID},
		{section + ".secret_id", a.SecretID},
		{section + ".token_file", Secret{File: a.TokenFile}},
	}
}
