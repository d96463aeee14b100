package vaultlog

import (
	"bytes"
	"encoding/json"
	"time"
)

// Entry is one request to Vault with its answer. Its byte slices point into the
// buffer of the scan: they and the Entry itself are valid during the call that
// hands them out. Strings may be kept.
//
// Values of the request and of the answer are as the log has them: clear, or as
// "hmac-sha256:" and 64 hex digits ([Hashed]), each on its own.
type Entry struct {
	File string
	Line int64 // counts from 1

	Time       time.Time // of the answer's line; of the request's if there is no answer
	ID         string    // Vault's request id
	Operation  string    // update, read, create, list, delete
	Path       string    // with the mount, without the namespace's path where Vault leaves it out
	Namespace  string    // its path; empty for root
	MountPoint string    // ends in a slash; empty if Vault routed the request nowhere
	MountType  string

	// Verb, Key and Rest are the parts of a path under the transit mount, such as
	// "sign", "signet-es256" and, where the caller chose the hash in the path,
	// "sha2-512". They are empty elsewhere, and Key where the verb has none.
	Verb, Key, Rest string

	// Error is why the request failed, empty if it did not. It is hashed where only
	// the answer's data tell it.
	Error string

	Auth       Auth
	RemoteAddr string
	RemotePort int // 0 if the log has none

	// RequestData and ResponseData are the members "data", raw JSON; nil if absent.
	RequestData, ResponseData json.RawMessage
	// KeyVersion is the "key_version" of the request; nil if it had none.
	KeyVersion []byte
	// Items are what a request to sign or to hmac asked for, in its order; there is
	// one for the form without batch_input.
	Items []Item
	// Answered says that the log has the answer. Without one Vault may or may not
	// have done it.
	Answered bool
}

// Auth is who asked, as Vault knew them.
type Auth struct {
	Accessor    string // of the token; hashed, unless the device was told not to
	EntityID    string
	DisplayName string
	TokenType   string
	Policies    []string // shared between entries; do not change
}

// Item is one signature that was asked for. A value that is no text is as its
// JSON; a missing one and null are nil.
type Item struct {
	Input     []byte
	Reference []byte // the caller's; Signet's is the jti
	// KeyVersion is the result's: 0 if there is none, and always 0 for hmac, whose
	// results do not tell it.
	KeyVersion int
	// Signed says that the result is a signature. Where the log cannot tell (a
	// hashed hmac before any signature showed the hash of the empty text, or an
	// answer that was wrapped, which the log does not show), it is true.
	Signed bool
	Error  []byte // of the result; the hash of the empty text if there is none and it is hashed
	mac    []byte
}

const (
	hashPrefix = "hmac-sha256:"
	hashLen    = len(hashPrefix) + 64
)

// Hashed says that a value of the log has the form of a hashed one.
func Hashed(v []byte) bool {
	if len(v) != hashLen || !bytes.HasPrefix(v, []byte(hashPrefix)) {
		return false
	}
	return isHex((*[64]byte)(v[len(hashPrefix):]))
}
