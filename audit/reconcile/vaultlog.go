package reconcile

import (
	"context"
	"fmt"
	"strings"

	"signet/audit/vaultlog"
)

// VaultLog reads Vault's audit log from files.
func VaultLog(o vaultlog.Options) Log { return vaultLog{o} }

type vaultLog struct{ options vaultlog.Options }

// path is an entry's path as Signet's namespace sees it.
func (l vaultLog) path(e *vaultlog.Entry) string {
	path := e.Path
	for _, namespace := range []string{e.Namespace, l.options.Interest.Namespace} {
		if namespace = strings.Trim(namespace, "/"); namespace != "" {
			path = strings.TrimPrefix(path, namespace+"/")
		}
	}
	return path
}

// Scan implements [Log].
func (l vaultLog) Scan(ctx context.Context, each func(*Entry) error) (LogSummary, error) {
	var one Entry
	stats, err := vaultlog.Scan(ctx, l.options, func(e *vaultlog.Entry) error {
		items := one.Items[:0]
		for i := range e.Items {
			it := &e.Items[i]
			items = append(items, Item{Input: it.Input, Reference: it.Reference, KeyVersion: it.KeyVersion, Signed: it.Signed})
		}
		one = Entry{
			File: e.File, Line: e.Line, Time: e.Time, RequestID: e.ID, Operation: e.Operation, Path: l.path(e), Error: e.Error, Answered: e.Answered,
			Who:         Who{Accessor: e.Auth.Accessor, EntityID: e.Auth.EntityID, DisplayName: e.Auth.DisplayName, RemoteAddress: e.RemoteAddr},
			RequestData: e.RequestData, ResponseData: e.ResponseData, KeyVersion: e.KeyVersion, Items: items,
		}
		return each(&one)
	})
	out := LogSummary{From: stats.First, To: stats.Last, Damaged: stats.Damaged}
	for _, p := range stats.Damages {
		out.Damages = append(out.Damages, Damage{Where: fmt.Sprintf("%s:%d", p.File, p.Line), What: p.What})
	}
	if n := stats.Problems - stats.Damaged; n > 0 {
		out.Notes = append(out.Notes, fmt.Sprintf("%d lines in the files of Vault's log are none of its audit device's, and were not judged; the first that could not be read: %s", n, stats.Told[0]))
	}
	if stats.Overflow > 0 {
		out.Notes = append(out.Notes, fmt.Sprintf("%d requests in Vault's log waited so long for their answers that they may count twice", stats.Overflow))
	}
	return out, err
}
