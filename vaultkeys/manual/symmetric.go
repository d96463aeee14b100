package manual

import (
	"context"
	"errors"
	"fmt"

	"signet/vaultkeys"
	"signet/vaultkeys/vaultapi"
)

// symmetric are the versions of an hmac key, of which Vault lists none.
func (o *Operator) symmetric(ctx context.Context, l *look) error {
	remembered := o.recall(ctx, l)
	for n := max(1, l.data.MinDecryptionVersion); n <= l.data.LatestVersion; n++ {
		kid, err := o.symmetricKID(ctx, l, n)
		if err != nil {
			return fmt.Errorf("deriving the kid of version %d: %w", n, err)
		}
		from := byVault
		switch noted := remembered[n]; {
		case kid == "":
			kid, from = noted, byNote
		case noted == "":
			o.remember(ctx, l, n, kid)
		case noted != kid:
			// It stays: by such a note a replica that starts finds out too.
			l.notes.add("ring %s: version %d is another key than the replicas noted (kid %s): it was replaced", l.ring.Name, n, noted)
		}
		if kid == "" {
			l.notes.add("ring %s: the kid of version %d is not known: Redis does not have it, and Vault does not compute it for this token (any more)", l.ring.Name, n)
		}
		l.listed = append(l.listed, Version{Number: n, KID: kid, CreatedAt: o.firstSeen(ctx, l, l.ring.Name, n), from: from})
	}
	return nil
}

// symmetricKID is what Vault computes, empty where it refuses: always below
// min_encryption_version, and to a token that may not ask.
func (o *Operator) symmetricKID(ctx context.Context, l *look, version int) (string, error) {
	if version < l.data.MinEncryptionVersion {
		return "", nil
	}
	kid, err := vaultkeys.SymmetricKID(ctx, o.cfg.Vault, o.paths.HMAC(l.ring.Name), version)
	if errors.Is(err, vaultapi.ErrPermissionDenied) || errors.Is(err, vaultapi.ErrVersionRefused) {
		return "", nil
	}
	return kid, err
}

func (o *Operator) remember(ctx context.Context, l *look, version int, kid string) {
	if o.cfg.Shared.KIDs == nil || o.cfg.ReadOnly {
		return
	}
	if err := o.cfg.Shared.KIDs.Remember(ctx, l.ring.Name, version, kid); err != nil {
		l.notes.add("the kids of HS256 versions cannot be remembered%s", because(err))
	}
}

// recall is the replicas' notes of a ring's kids, asked for once a look.
func (o *Operator) recall(ctx context.Context, l *look) map[int]string {
	if o.cfg.Shared.KIDs == nil || l.recalled {
		return l.noted
	}
	var err error
	if l.noted, err = o.cfg.Shared.KIDs.Recall(ctx, l.ring.Name); err != nil {
		l.notes.add("the notes of kids are not known%s", because(err))
	}
	l.recalled = true
	return l.noted
}
