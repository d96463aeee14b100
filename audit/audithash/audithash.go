package audithash

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"signet/vaultkeys/vaultapi"
)

// Vault is the part of a connection that hashes; *vaultapi.Conn fits it.
type Vault interface {
	// Write sends in as JSON and decodes the "data" of the answer into out.
	Write(ctx context.Context, path string, in, out any) (vaultapi.Meta, error)
}

// Defaults of a [Config].
const (
	DefaultDevice   = "file"
	DefaultInFlight = 16
)

// Config of a [Hasher].
type Config struct {
	// Vault is asked with the token of an auditor: the policy signet-auditor is
	// enough for the device "file".
	Vault Vault
	// Device is the path of the audit device whose log is read, with or without
	// slashes around it; "" means "file".
	Device string
	// InFlight is how many calls may be under way at a time; 0 means 16.
	InFlight int
}

// Hasher hashes values as one audit device does. It is safe for concurrent use.
type Hasher struct {
	vault    Vault
	device   string
	inFlight int
}

// ErrEmpty is the error for the empty text, which Vault refuses to hash.
var ErrEmpty = errors.New("vault does not hash the empty text")

// New returns a Hasher; nothing is asked yet.
func New(cfg Config) *Hasher {
	h := &Hasher{vault: cfg.Vault, device: strings.Trim(cfg.Device, "/"), inFlight: cfg.InFlight}
	if h.device == "" {
		h.device = DefaultDevice
	}
	if h.inFlight <= 0 {
		h.inFlight = DefaultInFlight
	}
	return h
}

// Hash is "hmac-sha256:" and 64 hex digits: the value as the device's log has it.
func (h *Hasher) Hash(ctx context.Context, value string) (string, error) {
	if value == "" {
		return "", ErrEmpty
	}
	in := struct {
		Input string `json:"input"`
	}{value}
	var out struct {
		Hash string `json:"hash"`
	}
	if _, err := h.vault.Write(ctx, "sys/audit-hash/"+h.device, in, &out); err != nil {
		return "", h.explain(err)
	}
	if out.Hash == "" {
		return "", fmt.Errorf("hashing as the audit device %q does: Vault's answer has no hash", h.device)
	}
	return out.Hash, nil
}

// All are the hashes of values, in their order.
func (h *Hasher) All(ctx context.Context, values []string) ([]string, error) {
	out := make([]string, 0, len(values))
	err := h.Each(ctx, slices.Values(values), func(_, hash string) error {
		out = append(out, hash)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

type answer struct {
	value, hash string
	err         error
}

// Each calls fn for each value with its hash, one at a time and in the order of
// values, however many there are. It ends with the first error, Vault's or fn's.
func (h *Hasher) Each(ctx context.Context, values iter.Seq[string], fn func(value, hash string) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	waiting := make([]chan answer, 0, h.inFlight) // the oldest first
	for value := range values {
		if len(waiting) == h.inFlight {
			if err := take(ctx, waiting[0], fn); err != nil {
				return err
			}
			waiting = append(waiting[:0], waiting[1:]...)
		}
		one := make(chan answer, 1)
		waiting = append(waiting, one)
		go func() {
			hash, err := h.Hash(ctx, value)
			one <- answer{value, hash, err}
		}()
	}
	for _, one := range waiting {
		if err := take(ctx, one, fn); err != nil {
			return err
		}
	}
	return nil
}

func take(ctx context.Context, one <-chan answer, fn func(value, hash string) error) error {
	select {
	case a := <-one:
		if a.err != nil {
			return a.err
		}
		return fn(a.value, a.hash)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// explain says what to do about an error. Vault tells a device that it does not
// have by a 400 whose text is that of vault/logical_system.go (1.21).
func (h *Hasher) explain(err error) error {
	detail, ok := errors.AsType[*vaultapi.Error](err)
	switch {
	case errors.Is(err, vaultapi.ErrPermissionDenied):
		return fmt.Errorf("hashing as the audit device %q does: your token may not update sys/audit-hash/%s: give it the policy signet-auditor (which has the device \"file\"): %w", h.device, h.device, err)
	case ok && strings.Contains(strings.Join(detail.Messages, " "), "unknown audit backend"):
		return fmt.Errorf("vault has no audit device %q: name the one whose log this is (`vault audit list` shows them): %w", h.device, err)
	}
	return fmt.Errorf("hashing as the audit device %q does: %w", h.device, err)
}
