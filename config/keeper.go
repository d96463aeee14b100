package config

import (
	"time"

	"signet/internal/strictyaml"
)

// keeper reads the section that makes a process keep the key rings.
func (l *loader) keeper(m *strictyaml.Map) *Keeper {
	if !m.Present() {
		return nil
	}
	vault := m.Map("vault")
	if !vault.Present() && l.doc.Readable(m.At("vault").Field) {
		m.Refuse("vault", "is missing", "write `vault: {auth: {method: approle, role_id: {file: PATH}, secret_id: {file: PATH}}}` with the keeper's own credentials")
		return &Keeper{}
	}
	return &Keeper{Auth: l.auth(vault), TrimAfter: trimAfter(m)}
}

// leastTrimAfter is time to notice that a retired version is missed after all:
// raising a minimum can be undone, a trim cannot.
const leastTrimAfter = 24 * time.Hour

func trimAfter(m *strictyaml.Map) time.Duration {
	d := m.Duration("trim_after", strictyaml.DurationRange{Max: sessionCap})
	if d > 0 && d < leastTrimAfter {
		m.Refuse("trim_after", dur(d)+" is too short to notice that a retired version is missed, and a trim cannot be undone",
			"write trim_after: "+dur(leastTrimAfter)+" or more, or 0s for never")
	}
	return d
}

// identityGuard: whoever may sign must not be able to rotate, nor the other way
// round, and one login would be both.
func (l *loader) identityGuard(c *Config) {
	if c.Keeper == nil {
		return
	}
	mine, keepers := c.Vault.Auth, c.Keeper.Auth
	if keepers.Method == "" || mine != keepers {
		return
	}
	l.doc.Root().Map("keeper").Map("vault").Refuse("auth", "is the login of vault.auth: whoever signs could also rotate and retire keys",
		"give the keeper credentials of its own: `signet vault init --keeper-credentials-dir DIR`")
}
