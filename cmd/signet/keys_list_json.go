package main

import (
	"encoding/json"
	"io"
	"time"

	"signet/vaultkeys/manual"
)

// The JSON of `signet keys list -o json`. Times are RFC 3339 in UTC; null is
// not known, or does not apply.
type listingJSON struct {
	Rings   []ringJSON    `json:"rings"`
	Revoked []revokedJSON `json:"revoked"`
	Notes   []string      `json:"notes"`
}

type ringJSON struct {
	Ring                  string        `json:"ring"`
	Algorithm             string        `json:"algorithm"`
	Time                  *time.Time    `json:"time"`
	LatestVersion         int           `json:"latest_version"`
	MinDecryptionVersion  int           `json:"min_decryption_version"`
	MinEncryptionVersion  int           `json:"min_encryption_version"`
	MinAvailableVersion   int           `json:"min_available_version"`
	RotationPeriodSeconds int64         `json:"rotation_period_seconds"`
	Versions              []versionJSON `json:"versions"`
}

type versionJSON struct {
	Version    int             `json:"version"`
	KID        string          `json:"kid,omitempty"`
	State      string          `json:"state"`
	CreatedAt  *time.Time      `json:"created_at"`
	SignsFrom  whenJSON        `json:"signs_from"`
	SignsUntil whenJSON        `json:"signs_until"`
	RetiresAt  whenJSON        `json:"retires_at"`
	AgeSeconds *int64          `json:"age_seconds"`
	Over       string          `json:"over,omitempty"`
	Use        *useJSON        `json:"use"`
	PublicKey  json.RawMessage `json:"public_key,omitempty"`
}

type whenJSON struct {
	At      *time.Time `json:"at"`
	Planned bool       `json:"planned,omitempty"`
	Reason  string     `json:"reason,omitempty"`
}

type useJSON struct {
	Issued       int64      `json:"issued"`
	Introspected int64      `json:"introspected"`
	JWKSFetches  int64      `json:"jwks_fetches"`
	LastIssued   *time.Time `json:"last_issued"`
}

type revokedJSON struct {
	KID      string     `json:"kid"`
	Ring     string     `json:"ring,omitempty"`
	Version  int        `json:"version,omitempty"`
	At       *time.Time `json:"at"`
	Lists    []string   `json:"lists"`
	ListedBy string     `json:"still_listed_by,omitempty"`
}

func listJSON(out io.Writer, l *manual.Listing) error {
	all := listingJSON{Rings: []ringJSON{}, Revoked: []revokedJSON{}, Notes: append([]string{}, l.Notes...)}
	for _, r := range l.Rings {
		ring := ringJSON{
			Ring: r.Name, Algorithm: r.Algorithm, Time: moment(r.Now), LatestVersion: r.Latest,
			MinDecryptionVersion: r.MinDecryption, MinEncryptionVersion: r.MinEncryption, MinAvailableVersion: r.MinAvailable,
			RotationPeriodSeconds: int64(r.RotationPeriod / time.Second),
		}
		for i := range r.Versions {
			ring.Versions = append(ring.Versions, versionToJSON(&r.Versions[i]))
		}
		all.Rings = append(all.Rings, ring)
	}
	for _, r := range l.Revoked {
		all.Revoked = append(all.Revoked, revokedJSON{
			KID: r.KID, Ring: r.Ring, Version: r.Version, At: moment(r.At), Lists: lists(&r), ListedBy: r.ListedBy,
		})
	}
	return encodeJSON(out, all)
}

func versionToJSON(v *manual.VersionListing) versionJSON {
	out := versionJSON{
		Version: v.Number, KID: v.KID, State: string(v.State), CreatedAt: moment(v.CreatedAt),
		SignsFrom: whenToJSON(v.SignsFrom), SignsUntil: whenToJSON(v.SignsUntil), RetiresAt: whenToJSON(v.RetiresAt),
		Over: string(v.Over), PublicKey: v.JWK,
	}
	if !v.CreatedAt.IsZero() {
		seconds := int64(v.Age / time.Second)
		out.AgeSeconds = &seconds
	}
	if v.Use != nil {
		out.Use = &useJSON{v.Use.Issued, v.Use.Introspected, v.Use.Fetched, moment(v.Use.LastIssued)}
	}
	return out
}

func whenToJSON(w manual.When) whenJSON {
	return whenJSON{At: moment(w.At), Planned: w.Planned, Reason: w.Why}
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
