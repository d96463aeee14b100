package vaultapi

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Meta is what is known of an answer besides its data.
type Meta struct {
	// RequestID is Vault's, as in its audit log; empty if it sent none.
	RequestID string
	// Date is Vault's clock (its Date header, whole seconds); zero if absent.
	Date time.Time
	// At is when the answer arrived, by our clock.
	At time.Time
}

// Config makes a Conn.
type Config struct {
	// Address of Vault, as https://vault.example.com:8200; required.
	Address string
	// Namespace (Vault Enterprise); default none.
	Namespace string
	// CACert is a PEM file of the only CAs to trust; default the system's.
	CACert string
	// Login says where the token comes from; required.
	Login Login
	// Timeout of one HTTP request; default 2s.
	Timeout time.Duration
	// MaxConns bounds the connections to Vault, busy and idle; default 16.
	MaxConns int
	// RevokeAtEnd makes Run revoke the token at its end, if it came from
	// AppRole: whatever still uses the connection then has to log in again.
	RevokeAtEnd bool
	// Now is the clock; default time.Now.
	Now func() time.Time
	// Logger; default slog.Default().
	Logger *slog.Logger
	// Registerer for the metrics; nil means none.
	Registerer prometheus.Registerer
}

// Conn is a connection to Vault. It may be used by many goroutines at once.
type Conn struct{}

// New makes a Conn; nothing is sent before the first request or Run.
func New(Config) (*Conn, error) { return &Conn{}, nil }

// Run logs in, keeps the token alive and logs in again where it cannot be kept
// alive, until ctx ends, whose error it returns. Vault being down is no reason
// to end.
func (c *Conn) Run(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

// Read gets path and decodes the answer's data into out, a pointer to a
// struct; nil ignores it. Nothing stored there is ErrNotFound.
func (c *Conn) Read(context.Context, string, any) (Meta, error) { return Meta{}, ErrUnavailable }

// Write posts in as JSON to path and decodes the answer's data into out.
func (c *Conn) Write(context.Context, string, any, any) (Meta, error) { return Meta{}, ErrUnavailable }

// List lists what is below path; an empty list is ErrNotFound.
func (c *Conn) List(context.Context, string, any) (Meta, error) { return Meta{}, ErrUnavailable }

// Delete deletes path.
func (c *Conn) Delete(context.Context, string) (Meta, error) { return Meta{}, ErrUnavailable }

// Logins counts the successful logins: a change means a new token.
func (c *Conn) Logins() uint64 { return 0 }
