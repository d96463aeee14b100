package vaulttest

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"signet/vaultkeys/vaultapi"
)

// Fake is an in-memory transit engine mounted at "transit". All methods may be
// called concurrently.
type Fake struct {
	// Strict makes every parameter that is not a JSON string, and every sign
	// request without a pinned key_version, an ErrPermissionDenied: what
	// issuer.hcl does. Set it before use.
	Strict bool

	now func() time.Time

	mu     sync.Mutex
	keys   map[string]*key
	sealed bool
	logins uint64
	skew   time.Duration
	noDate bool
	fail   func(op, path string) error
	hook   func(ctx context.Context, op, path string)
	calls  map[string]int // "op path" -> count
	seq    int
	used   map[*rsa.PrivateKey]bool // from the shared pool
}

// New returns an empty fake. now is Vault's clock; nil = time.Now.
func New(now func() time.Time) *Fake {
	if now == nil {
		now = time.Now
	}
	return &Fake{now: now, keys: map[string]*key{}, logins: 1, calls: map[string]int{}, used: map[*rsa.PrivateKey]bool{}}
}

// Seal seals or unseals: while sealed every request is vaultapi.ErrSealed.
func (f *Fake) Seal(sealed bool) { f.locked(func() { f.sealed = sealed }) }

// Login counts a login: [Fake.Logins] then tells a new token.
func (f *Fake) Login() { f.locked(func() { f.logins++ }) }

// Skew sets how far Vault's clock is ahead of the given one.
func (f *Fake) Skew(d time.Duration) { f.locked(func() { f.skew = d }) }

// WithoutDate makes answers carry no Date header.
func (f *Fake) WithoutDate(on bool) { f.locked(func() { f.noDate = on }) }

// Fail sets what each request fails with instead of being handled: fail is
// asked with "read" or "write" and the path; nil answers let it through. A nil
// fail lets all through.
func (f *Fake) Fail(fail func(op, path string) error) { f.locked(func() { f.fail = fail }) }

// Hook is called before each request is handled, without any lock held, so it
// may block (to hold a request in flight) and may change the fake.
func (f *Fake) Hook(hook func(ctx context.Context, op, path string)) {
	f.locked(func() { f.hook = hook })
}

// Calls is how many requests were made with "read" or "write" to a path.
func (f *Fake) Calls(op, path string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[op+" "+path]
}

// Logins fits vaultkeys.Vault.
func (f *Fake) Logins() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.logins
}

func (f *Fake) locked(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
}

// Read fits vaultkeys.Vault: transit/keys/:name.
func (f *Fake) Read(ctx context.Context, path string, out any) (vaultapi.Meta, error) {
	return f.serve(ctx, "read", path, nil, out)
}

// Write fits vaultkeys.Vault: transit/{sign,hmac,verify}/:name, and for
// whoever plays the keeper transit/keys/:name{,/config,/rotate,/trim}.
func (f *Fake) Write(ctx context.Context, path string, in, out any) (vaultapi.Meta, error) {
	return f.serve(ctx, "write", path, in, out)
}

// Delete deletes a key, if its deletion is allowed.
func (f *Fake) Delete(ctx context.Context, path string) (vaultapi.Meta, error) {
	return f.serve(ctx, "delete", path, nil, nil)
}

func (f *Fake) serve(ctx context.Context, op, path string, in, out any) (vaultapi.Meta, error) {
	f.mu.Lock()
	f.calls[op+" "+path]++
	f.seq++
	meta := vaultapi.Meta{RequestID: fmt.Sprintf("request-%d", f.seq)}
	fail, hook := f.fail, f.hook
	f.mu.Unlock()

	if hook != nil {
		hook(ctx, op, path)
	}
	if err := ctx.Err(); err != nil {
		return meta, refuse(vaultapi.ErrUnavailable, op, path, 0, err.Error())
	}
	if fail != nil {
		if err := fail(op, path); err != nil {
			return meta, err
		}
	}
	params, err := f.params(in)
	if err != nil {
		return meta, refuse(vaultapi.ErrBadRequest, op, path, 500, err.Error())
	}

	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.noDate {
		meta.Date = f.now().Add(f.skew).Truncate(time.Second) // a Date has whole seconds
	}
	data, ref := f.handle(op, path, params)
	if ref != nil {
		return meta, refuse(ref.kind, op, path, ref.status, ref.message)
	}
	return meta, reply(data, out)
}

// params sees the request as Vault does: as decoded JSON.
func (f *Fake) params(in any) (map[string]any, error) {
	if in == nil {
		return map[string]any{}, nil
	}
	text, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("encoding the request: %w", err)
	}
	params := map[string]any{}
	if err := json.Unmarshal(text, &params); err != nil {
		return nil, fmt.Errorf("decoding the request: %w", err)
	}
	return maps.Clone(params), nil
}

// refusal is an error answer.
type refusal struct {
	kind    error
	status  int
	message string
}

func badRequest(format string, args ...any) *refusal {
	return &refusal{vaultapi.ErrBadRequest, 400, fmt.Sprintf(format, args...)}
}

// missing is transit's answer where a key that is not there is to be used: 400,
// unlike that to reading it.
func missing(what string) *refusal {
	return &refusal{vaultapi.ErrNotFound, 400, what + " not found"}
}

func refuse(kind error, op, path string, status int, message string) error {
	return fmt.Errorf("%w: %w", kind, &vaultapi.Error{Op: op, Path: path, Status: status, Messages: []string{message}})
}

func reply(data, out any) error {
	if out == nil || data == nil {
		return nil
	}
	text, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encoding the answer: %w", err)
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("decoding the answer: %w", err)
	}
	return nil
}

func (f *Fake) handle(op, path string, params map[string]any) (any, *refusal) {
	if f.sealed {
		return nil, &refusal{vaultapi.ErrSealed, 503, "Vault is sealed"}
	}
	rest, ok := strings.CutPrefix(path, "transit/")
	if !ok {
		return nil, &refusal{vaultapi.ErrNotMounted, 404, "no handler for route"}
	}
	verb, name, _ := strings.Cut(rest, "/")
	name, action, _ := strings.Cut(name, "/")
	if op == "read" {
		if verb != "keys" || action != "" {
			return nil, &refusal{vaultapi.ErrNotMounted, 404, "no handler for route"}
		}
		if k := f.keys[name]; k != nil {
			return k.describe(), nil
		}
		return nil, &refusal{vaultapi.ErrNotFound, 404, ""}
	}
	if op == "delete" {
		return nil, f.remove(name)
	}
	if f.Strict {
		if ref := strict(verb, params); ref != nil {
			return nil, ref
		}
	}
	switch verb + "/" + action {
	case "sign/":
		return f.sign(name, params)
	case "hmac/":
		return f.hmac(name, params)
	case "verify/":
		return f.verify(name, params)
	case "keys/", "keys/config", "keys/rotate", "keys/trim":
		return f.admin(name, action, params)
	default:
		return nil, &refusal{vaultapi.ErrNotMounted, 404, "no handler for route"}
	}
}

// strict is issuer.hcl in small: allowed_parameters match JSON strings only.
func strict(verb string, params map[string]any) *refusal {
	denied := &refusal{vaultapi.ErrPermissionDenied, 403, "1 error occurred:\n\t* permission denied\n\n"}
	for name, v := range params {
		if name == "batch_input" {
			continue // allowed with any value
		}
		if _, isString := v.(string); !isString {
			return denied
		}
	}
	version, _ := params["key_version"].(string)
	if (verb == "sign" || verb == "hmac") && (version == "" || version[0] < '1' || version[0] > '9') {
		return denied
	}
	if verb == "sign" && params["marshaling_algorithm"] != "jws" {
		return denied
	}
	return nil
}
