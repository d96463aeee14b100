package config_test

import (
	"os"
	"reflect"
	"testing"
	"time"

	"signet/config"
	"signet/signer"
)

func TestMinimalHasTheDocumentedDefaults(t *testing.T) {
	c, err := config.Load("testdata/good/minimal.yaml")
	if err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	want := config.Config{
		Issuer: "https://tokens.example.com",
		Listen: config.Listen{Address: ":8080", Drain: 5 * time.Second},
		Ops:    config.Ops{Address: "127.0.0.1:9090"},
		Vault: config.Vault{
			Address: "https://vault.example.com:8200", TransitMount: "transit",
			Auth: config.Auth{
				Method: "approle", Mount: "approle",
				RoleID: config.Secret{File: "testdata/good/role_id"}, SecretID: config.Secret{Env: "SIGNET_SECRET_ID"},
			},
		},
		Rings: []config.Ring{{
			Name: "signet-es256", Algorithm: signer.ES256, PublishDelay: 24 * time.Hour, MaxTTL: time.Hour,
			RotationPeriod: 2160 * time.Hour, RetireMargin: 5 * time.Minute,
		}},
		Keys:    config.Keys{RefreshInterval: 10 * time.Second, JWKSMaxAge: 5 * time.Minute, StaleIfError: time.Hour, ClockSkew: 5 * time.Second},
		Signing: config.Signing{InFlight: 2, BatchMax: 128, QueueMax: 4096, Verify: "one"},
		Redis:   config.Redis{Addresses: []string{"127.0.0.1:6379"}, TLS: &config.ClientTLS{}},
		Tokens:  config.Tokens{TTL: 5 * time.Minute},
		Refresh: config.Refresh{MACKey: "signet-refresh", Grace: 30 * time.Second, Idle: 168 * time.Hour, Absolute: 720 * time.Hour},
		Clients: config.Clients{File: "testdata/good/clients.yaml"},
		Audit:   config.Audit{Stdout: true, Fsync: "everysec", Replica: host},
	}
	equal(t, c, want)
}

func TestFull(t *testing.T) {
	c, err := config.Load("testdata/good/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defaults := func(name string, a signer.Algorithm, bits int) config.Ring {
		return config.Ring{
			Name: name, Algorithm: a, RSABits: bits, PublishDelay: 24 * time.Hour, MaxTTL: time.Hour,
			RotationPeriod: 2160 * time.Hour, RetireMargin: 5 * time.Minute,
		}
	}
	es256, hs256 := defaults("signet-es256", signer.ES256, 0), defaults("signet-hs256", signer.HS256, 0)
	es256.PublishDelay, es256.MaxTTL, es256.RotationPeriod, es256.RetireMargin = 48*time.Hour, 12*time.Hour, 17520*time.Hour, 10*time.Minute
	hs256.PublishDelay, hs256.RotationPeriod = 0, 2*time.Hour
	equal(t, c, config.Config{
		Issuer: "https://tokens.example.com/tenant/",
		Listen: config.Listen{Address: "0.0.0.0:8443", TLS: config.ServerTLS{Cert: "testdata/good/tls/cert.pem", Key: "/etc/signet/key.pem"}},
		Ops:    config.Ops{Address: "[::1]:9091"},
		Vault: config.Vault{
			Address: "http://127.0.0.1:8200", Insecure: true, Namespace: "team/a", CACert: "testdata/good/ca.pem", TransitMount: "signet/transit",
			Auth: config.Auth{
				Method: "approle", Mount: "approle-signet",
				RoleID: config.Secret{File: "testdata/good/credentials/role_id"}, SecretID: config.Secret{Env: "SIGNET_SECRET_ID"},
			},
		},
		Rings: []config.Ring{
			es256, defaults("signet-ps256", signer.PS256, 3072), defaults("signet-rs512", signer.RS512, 2048),
			defaults("signet-eddsa", signer.EdDSA, 0), hs256,
		},
		Keys: config.Keys{
			RefreshInterval: 5 * time.Second, JWKSMaxAge: 10 * time.Minute, ClockSkew: 2 * time.Second,
			RevokedKIDs: []string{"NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"},
		},
		Keeper: &config.Keeper{
			Auth: config.Auth{
				Method: "approle", Mount: "approle-signet",
				RoleID: config.Secret{File: "testdata/good/keeper/role_id"}, SecretID: config.Secret{File: "testdata/good/keeper/secret_id"},
			},
			TrimAfter: 2160 * time.Hour,
		},
		Signing: config.Signing{InFlight: 64, BatchMax: 1000, QueueMax: 8192, Verify: "all"},
		Redis: config.Redis{
			Addresses: []string{"redis-1.example.com:26379", "redis-2.example.com:26379"}, MasterName: "mymaster",
			Username: "signet", Password: config.Secret{File: "/run/secrets/redis"},
			SentinelUsername: "signet-sentinel", SentinelPassword: config.Secret{File: "/run/secrets/sentinel"},
			TLS: &config.ClientTLS{
				CACert: "testdata/good/redis-ca.pem", Cert: "testdata/good/redis.pem", Key: "testdata/good/redis-key.pem",
				ServerName: "redis.example.com",
			},
		},
		Tokens: config.Tokens{TTL: 10 * time.Minute},
		Refresh: config.Refresh{
			MACKey: "signet-mac", Idle: 24 * time.Hour, Absolute: 48 * time.Hour, ReplicasAck: 1,
			AcceptRollbackUntil: time.Date(2026, 1, 31, 14, 4, 5, 0, time.UTC),
		},
		Clients: config.Clients{File: "testdata/good/policy/clients.yaml"},
		Audit:   config.Audit{File: "testdata/good/records.jsonl", Fsync: "always", Replica: "signet-1"},
	})
}

// equal compares the exported fields one by one, so that a failure names one.
func equal(t *testing.T, got *config.Config, want config.Config) {
	t.Helper()
	got.Refresh.AcceptRollbackUntil = got.Refresh.AcceptRollbackUntil.UTC()
	if want.Refresh.AcceptRollbackUntil.IsZero() {
		got.Refresh.AcceptRollbackUntil, want.Refresh.AcceptRollbackUntil = time.Time{}, time.Time{}
	}
	g, w := reflect.ValueOf(*got), reflect.ValueOf(want)
	for i := range g.NumField() {
		field := g.Type().Field(i)
		if field.IsExported() && !reflect.DeepEqual(g.Field(i).Interface(), w.Field(i).Interface()) {
			t.Errorf("%s = %+v, want %+v", field.Name, g.Field(i).Interface(), w.Field(i).Interface())
		}
	}
}
