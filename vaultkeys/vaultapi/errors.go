package vaultapi

import (
	"fmt"
	"strconv"
	"strings"
)

// sentinel is an error to be recognised by errors.Is, which may be a special
// case of another.
type sentinel struct {
	text string
	of   error
}

func (s *sentinel) Error() string { return s.text }

// Unwrap makes a special case be recognised as the general one too.
func (s *sentinel) Unwrap() error { return s.of }

// What a caller acts on. Every error of a [Conn] is exactly one of the first
// group; the second refines it.
var (
	// ErrUnavailable: Vault could not be asked, or could not answer. The same
	// request may succeed later.
	ErrUnavailable error = &sentinel{text: "vault is unavailable"}
	// ErrPermissionDenied: the token is good, its policy lacks the path (or the
	// parameters). No retry and no new login mends that.
	ErrPermissionDenied error = &sentinel{text: "permission denied by vault's policy"}
	// ErrTokenInvalid: Vault refused the token, and the one after it.
	ErrTokenInvalid error = &sentinel{text: "vault refused the token"}
	// ErrNotFound: nothing is stored under the path.
	ErrNotFound error = &sentinel{text: "not found in vault"}
	// ErrVersionRefused: the key version that the request pinned is below the
	// key's minimum or above its latest version. Read the key again.
	ErrVersionRefused error = &sentinel{text: "vault refuses the key version"}
	// ErrBadRequest: Vault refused the request as it is; sending it again is useless.
	ErrBadRequest error = &sentinel{text: "vault refused the request"}
)

var (
	// ErrSealed is ErrUnavailable: somebody must unseal Vault.
	ErrSealed error = &sentinel{text: "vault is sealed", of: ErrUnavailable}
	// ErrLogin is ErrUnavailable: there is no token, because the login failed.
	ErrLogin error = &sentinel{text: "no login to vault", of: ErrUnavailable}
	// ErrMalformed is ErrUnavailable: the answer is not one of Vault's, or lacks
	// the data asked for.
	ErrMalformed error = &sentinel{text: "vault's answer is malformed", of: ErrUnavailable}
	// ErrNotMounted is ErrNotFound: no engine is mounted where the path points.
	ErrNotMounted error = &sentinel{text: "no engine mounted at this path", of: ErrNotFound}
)

// Error is a request that failed. It never holds a token or a secret.
type Error struct {
	// Op is what was done: read, write, delete, login, renew or revoke.
	Op string
	// Path that was asked for, without the leading v1/.
	Path string
	// Status of the answer, 0 if there was none.
	Status int
	// Messages are Vault's own, or why there was no answer.
	Messages []string

	kind  error
	cause error // context.Canceled or context.DeadlineExceeded, else nil
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "vault: %s %s: ", e.Op, e.Path)
	if e.Status != 0 {
		b.WriteString(strconv.Itoa(e.Status) + ": ")
	}
	if len(e.Messages) > 0 {
		b.WriteString(strings.Join(e.Messages, "; "))
	} else if e.kind != nil {
		b.WriteString(e.kind.Error())
	}
	return b.String()
}

// Unwrap gives the sentinel, and the context's error where that was the cause.
func (e *Error) Unwrap() []error {
	var all []error
	if e.kind != nil {
		all = append(all, e.kind)
	}
	if e.cause != nil {
		all = append(all, e.cause)
	}
	return all
}
