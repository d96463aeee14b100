package config

import (
	"signet/internal/strictyaml"
)

func (l *loader) vault(m *strictyaml.Map) Vault {
	v := Vault{
		Address:      m.Required("address", "https://vault.example.com:8200"),
		Namespace:    m.String("namespace", ""),
		CACert:       l.file(m, "ca_cert"),
		TransitMount: m.String("transit_mount", DefaultTransitMount),
		Insecure:     m.Bool("insecure"),
		Auth:         l.auth(m),
	}
	vaultAddress(m, v)
	mountPath(m, "transit_mount", v.TransitMount)
	return v
}

// authKeys lists, by method, the keys that belong to it.
var authKeys = map[string][]string{
	AuthToken:     {"token"},
	AuthTokenFile: {"token_file"},
	AuthAppRole:   {"role_id", "secret_id", "mount"},
}

func (l *loader) auth(vault *strictyaml.Map) Auth {
	m := vault.Map("auth")
	if !m.Present() {
		if l.doc.Readable(vault.At("auth").Field) {
			vault.Refuse("auth", "is missing", "write `auth: {method: approle, role_id: {file: PATH}, secret_id: {file: PATH}}`")
		}
		return Auth{}
	}
	a := Auth{Method: m.Required("method", AuthAppRole)}
	switch a.Method {
	case AuthToken:
		a.Token = l.readSecret(m, "token", true)
	case AuthTokenFile:
		a.TokenFile = l.resolve(m.Required("token_file", "PATH"))
		l.places[m.At("token_file").Field] = m.At("token_file")
	case AuthAppRole:
		a.RoleID = l.readSecret(m, "role_id", true)
		a.SecretID = l.readSecret(m, "secret_id", true)
		a.Mount = m.String("mount", AuthAppRole)
		mountPath(m, "mount", a.Mount)
	case "":
	case "kubernetes", "jwt", "cert":
		m.Refuse("method", strictyaml.Quote(a.Method)+" is not in this version of Signet", "use approle, token_file or token")
	default:
		m.Refuse("method", strictyaml.Quote(a.Method)+" is not a way to log in", "use approle, token_file or token")
	}
	foreignKeys(m, a.Method)
	return a
}

// foreignKeys refuses keys of another method: which one was meant is unclear.
func foreignKeys(m *strictyaml.Map, method string) {
	_, valid := authKeys[method]
	for _, owner := range []string{AuthToken, AuthTokenFile, AuthAppRole} {
		for _, key := range authKeys[owner] {
			if m.Has(key) && valid && owner != method {
				m.Refuse(key, "belongs to method "+owner+", not to "+method, "remove it, or write `method: "+owner+"`")
			}
		}
	}
}
