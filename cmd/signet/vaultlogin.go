package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"signet/config"
	"signet/vaultkeys/vaultapi"
)

// login says where the Vault token comes from. The secrets are read anew at
// every login, so that an orchestrator may replace them.
func login(a config.Auth) vaultapi.Login {
	switch a.Method {
	case config.AuthToken:
		return vaultapi.Token(a.Token.Read)
	case config.AuthTokenFile:
		return vaultapi.TokenFile(a.TokenFile)
	default:
		return vaultapi.AppRole(vaultapi.AppRoleConfig{Mount: a.Mount, RoleID: a.RoleID.Read, SecretID: a.SecretID.Read})
	}
}

// loginMetrics tells the connections of one process apart.
func loginMetrics(login string, metrics prometheus.Registerer) prometheus.Registerer {
	return prometheus.WrapRegistererWith(prometheus.Labels{"login": login}, metrics)
}
