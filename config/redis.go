package config

import (
	"strings"

	"signet/internal/strictyaml"
)

func (l *loader) redis(m *strictyaml.Map) Redis {
	r := Redis{
		Addresses:        l.redisAddresses(m),
		MasterName:       m.String("master_name", ""),
		Cluster:          m.Bool("cluster"),
		Username:         m.String("username", ""),
		Password:         l.readSecret(m, "password", false),
		SentinelUsername: m.String("sentinel_username", ""),
		SentinelPassword: l.readSecret(m, "sentinel_password", false),

		TLS:      l.clientTLS(m),
		Insecure: m.Bool("insecure"),
	}
	switch {
	case r.Cluster && r.MasterName != "":
		m.Refuse("master_name", "a cluster has no Sentinel master", "remove master_name, or write cluster: false")
	case !r.Cluster && r.MasterName == "" && len(r.Addresses) > 1:
		m.Refuse("addresses", "several addresses without saying what they are", "write cluster: true, or master_name for Sentinels, or keep one address")
	}
	if r.Username != "" && r.Password.IsZero() && !m.Has("password") {
		m.Refuse("username", "stands without a password", "write `password: {file: PATH}` or `{env: NAME}`")
	}
	l.sentinelUser(m, &r)
	if !l.doc.Readable("redis.tls", "redis.insecure") {
		return r
	}
	if r.TLS == nil && !r.Insecure {
		m.Refuse("tls", "sessions and the password would cross the network in clear text", "write `tls: {}` for the system's roots or `tls: {ca_cert: PATH}`; `insecure: true` only where nobody can listen")
	}
	if r.TLS != nil && r.Insecure {
		m.Refuse("insecure", "contradicts tls", "remove one of the two; insecure means no TLS, it never turns verification off")
	}
	return r
}

// sentinelUser: Sentinels know users of their own, also where they are called
// the same.
func (l *loader) sentinelUser(m *strictyaml.Map, r *Redis) {
	if r.MasterName == "" && l.doc.Readable("redis.master_name") {
		for _, key := range []string{"sentinel_username", "sentinel_password"} {
			if m.Has(key) {
				m.Refuse(key, "is a Sentinel's, and there is none", "write master_name, or remove it")
			}
		}
		return
	}
	if r.SentinelUsername != "" && r.SentinelPassword.IsZero() && !m.Has("sentinel_password") {
		m.Refuse("sentinel_username", "stands without a password", "write `sentinel_password: {file: PATH}` or `{env: NAME}`")
	}
}

func (l *loader) redisAddresses(m *strictyaml.Map) []string {
	if !m.Has("addresses") {
		return []string{DefaultRedisAddress}
	}
	var addresses []string
	texts := m.Strings("addresses")
	for _, text := range texts {
		if strings.Contains(text.Value, "@") || strings.Contains(text.Value, "://") {
			// Not repeated: it may hold a password.
			l.doc.Refuse(text.At, "is a URL, not an address", "write host:port; username, password and tls have keys of their own")
			continue
		}
		if problem := checkHostPort(text.Value, true); problem != "" {
			l.doc.Refuse(text.At, problem, "write host:port, such as redis.example.com:6379")
		}
		addresses = append(addresses, text.Value)
	}
	if len(texts) == 0 && l.doc.Readable("redis.addresses") {
		m.Refuse("addresses", "there is no address", "write `addresses: [\"redis.example.com:6379\"]`")
	}
	return addresses
}

func (l *loader) clientTLS(redis *strictyaml.Map) *ClientTLS {
	m := redis.Map("tls")
	t := &ClientTLS{
		CACert:     l.file(m, "ca_cert"),
		Cert:       l.file(m, "cert"),
		Key:        l.file(m, "key"),
		ServerName: m.String("server_name", ""),
	}
	if !m.Present() {
		return nil
	}
	pair(m)
	return t
}
