package refresh

import (
	"crypto/sha256"
	"encoding/base64"
)

// Owner says whose sessions and tokens are meant: a subject's at every client,
// a client's of every subject, or, with both, a subject's at one client.
type Owner struct{ Subject, ClientID string }

// The keys of an owner name nobody: they hold hashes. What one script needs
// shares a hash tag, and with it a slot of a cluster.
const (
	keySubjectIndex     = "signet:u:" // {subject}
	keyClientIndex      = "signet:c:" // {client}
	keySubjectNotBefore = "signet:nu:"
	keyClientNotBefore  = "signet:nc:"
	keyPairNotBefore    = "signet:np:" // {subject} client
)

func tag(name string) string {
	sum := sha256.Sum256([]byte(name))
	return base64.RawURLEncoding.EncodeToString(sum[:])[:22]
}

func slot(name string) string { return "{" + tag(name) + "}" }

// index is the key of the index that has all sessions of the owner, and of a
// subject's at one client those at the others too.
func (o Owner) index() string {
	if o.Subject == "" {
		return keyClientIndex + slot(o.ClientID)
	}
	return keySubjectIndex + slot(o.Subject)
}

// notBefore is the key of the owner's not-before; it is in the index's slot.
func (o Owner) notBefore() string {
	switch {
	case o.Subject == "":
		return keyClientNotBefore + slot(o.ClientID)
	case o.ClientID == "":
		return keySubjectNotBefore + slot(o.Subject)
	default:
		return keyPairNotBefore + slot(o.Subject) + tag(o.ClientID)
	}
}

// notBefores are the keys of every not-before that a session of the owner, a subject
// at a client, is subject to.
func (o Owner) notBefores() []string {
	return []string{Owner{Subject: o.Subject}.notBefore(), o.notBefore(), Owner{ClientID: o.ClientID}.notBefore()}
}

// has reports whether a session belongs to the owner.
func (o Owner) has(s *Session) bool {
	return (o.Subject == "" || o.Subject == s.Subject) && (o.ClientID == "" || o.ClientID == s.ClientID)
}

func (s *Session) owner() Owner { return Owner{Subject: s.Subject, ClientID: s.ClientID} }
