package config

import (
	"crypto/tls"
	"fmt"

	"signet/internal/authorities"
	"signet/internal/strictyaml"
)

// Path is the file that the configuration was read from.
func (c *Config) Path() string { return c.path }

// CheckFiles loads every certificate that the configuration names and reports
// all that cannot be used, as *Error. Nothing is kept.
func (c *Config) CheckFiles() error {
	var violations []Violation
	report := func(field string, err error) {
		if err != nil {
			violations = append(violations, Violation{
				Line: c.places[field].Line, Field: field, Problem: err.Error(),
				Remedy: "provide PEM files that fit, readable for this user",
			})
		}
	}
	report("listen.tls.cert", checkPair(c.Listen.TLS.Cert, c.Listen.TLS.Key))
	report("vault.ca_cert", checkAuthorities(c.Vault.CACert))
	if c.Redis.TLS != nil {
		report("redis.tls.ca_cert", checkAuthorities(c.Redis.TLS.CACert))
		report("redis.tls.cert", checkPair(c.Redis.TLS.Cert, c.Redis.TLS.Key))
	}
	return strictyaml.NewError(c.path, violations)
}

func checkPair(cert, key string) error {
	if cert == "" {
		return nil
	}
	if _, err := tls.LoadX509KeyPair(cert, key); err != nil {
		return fmt.Errorf("loading the certificate and its key: %w", err)
	}
	return nil
}

func checkAuthorities(path string) error {
	if path == "" {
		return nil
	}
	if _, err := authorities.Load(path); err != nil {
		return fmt.Errorf("loading the authorities: %w", err)
	}
	return nil
}
