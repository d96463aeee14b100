package vaultapi

// Login is a way to get a token: [Token], [TokenFile] or [AppRole].
type Login interface {
	method() string
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

type tokenLogin struct{}

func (tokenLogin) method() string { return "token" }

// Token uses a token that somebody else obtained.
func Token(func() (string, error)) Login { return tokenLogin{} }

// TokenFile uses the token in a file that somebody else keeps fresh.
func TokenFile(string) Login { return tokenLogin{} }

// AppRole logs in with a role id and a secret id.
func AppRole(AppRoleConfig) Login { return tokenLogin{} }
