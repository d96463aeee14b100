package feed

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"

	"signet/audit/report"
	"signet/audit/vaultlog"
)

// VaultLog tells c of every request in Vault's audit log that read or changed
// one of the keys of o.Interest and did not fail.
func VaultLog(ctx context.Context, o vaultlog.Options, c *report.Collector) error {
	o.Interest.TransitOnly = true
	stats, err := vaultlog.Scan(ctx, o, func(e *vaultlog.Entry) error {
		if r, ok := request(e); ok {
			c.KeyRequest(&r)
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.VaultLog(stats.First, stats.Last)
	if stats.Problems > 0 {
		c.Note("%d lines of Vault's audit log could not be read, so changes of keys may be missing here; the first: %s", stats.Problems, stats.Told[0])
	}
	return nil
}

// verbs are the parts of transit that take a key out, or bring one in
// (https://developer.hashicorp.com/vault/api-docs/secret/transit).
var verbs = map[string]report.Action{"export": report.Export, "backup": report.Backup, "restore": report.Restore}

// below are the paths below keys/<key>.
var below = map[string]report.Action{
	"rotate": report.Rotate, "config": report.Configure, "trim": report.Trim, "import": report.Import, "import_version": report.Import,
}

// request is what an entry did to a key, if it did anything.
func request(e *vaultlog.Entry) (report.KeyRequest, bool) {
	r := report.KeyRequest{
		Time: e.Time, RequestID: e.ID, Key: e.Key, Unanswered: !e.Answered, DisplayName: e.Auth.DisplayName,
		EntityID: e.Auth.EntityID, Accessor: e.Auth.Accessor, RemoteAddress: e.RemoteAddr,
	}
	var known bool
	r.Action, known = verbs[e.Verb]
	switch {
	case e.Error != "" || e.Key == "" && !known:
		return r, false
	case e.Verb == "keys":
		r.Action, known = keysAction(e.Operation, e.Rest), true
	}
	if r.Action == report.Configure {
		r.Set = names(e)
	}
	if e.Answered && e.Verb == "keys" {
		r.State = state(e.ResponseData)
	}
	return r, known
}

// keysAction is what a request to keys/<key> does. One that is not known here
// counts as a setting: an auditor will want to look at it.
func keysAction(operation, rest string) report.Action {
	switch {
	case operation == "read" || operation == "list" || operation == "help":
		return report.Read
	case operation == "delete" && rest == "":
		return report.Delete
	case rest == "":
		return report.Create
	}
	if action, ok := below[rest]; ok {
		return action
	}
	return report.Configure
}

// names are the parameters that a request sets.
func names(e *vaultlog.Entry) []string {
	if e.Rest != "config" {
		return []string{"keys/" + e.Key + "/" + e.Rest}
	}
	var data map[string]json.RawMessage
	if json.Unmarshal(e.RequestData, &data) != nil {
		return nil
	}
	return slices.Sorted(maps.Keys(data))
}

// answer is the "data" of an answer that shows a key. The log has numbers and
// creation times as they are, whatever else it hashes.
type answer struct {
	Latest        int                        `json:"latest_version"`
	MinDecryption int                        `json:"min_decryption_version"`
	MinEncryption int                        `json:"min_encryption_version"`
	MinAvailable  int                        `json:"min_available_version"`
	Keys          map[string]json.RawMessage `json:"keys"`
}

// state is the key that an answer shows, nil if it shows none.
func state(data json.RawMessage) *report.KeyState {
	var a answer
	if json.Unmarshal(data, &a) != nil || a.Latest < 1 {
		return nil
	}
	s := &report.KeyState{Latest: a.Latest, MinDecryption: a.MinDecryption, MinEncryption: a.MinEncryption, MinAvailable: a.MinAvailable}
	for text, raw := range a.Keys {
		n, err := strconv.Atoi(text)
		at := created(raw)
		if err != nil || at.IsZero() {
			continue // its age is then not known, and the report says so
		}
		if s.Created == nil {
			s.Created = map[int]time.Time{}
		}
		s.Created[n] = at
	}
	return s
}

// created reads a version of "keys": an object for an asymmetric key, seconds
// since 1970 for a symmetric one.
func created(raw json.RawMessage) time.Time {
	var version struct {
		CreationTime time.Time `json:"creation_time"`
	}
	if json.Unmarshal(raw, &version) == nil {
		return version.CreationTime
	}
	var unix int64
	if json.Unmarshal(raw, &unix) == nil && unix > 0 {
		return time.Unix(unix, 0)
	}
	return time.Time{}
}
