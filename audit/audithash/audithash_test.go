package audithash_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"signet/audit/audithash"
	"signet/vaultkeys/vaultapi"
)

// fake answers as sys/audit-hash does, each value after its own time.
type fake struct {
	path     atomic.Value
	inFlight atomic.Int64
	most     atomic.Int64
	delay    func(value string) time.Duration
	err      func(value string) error
}

func (f *fake) Write(ctx context.Context, path string, in, out any) (vaultapi.Meta, error) {
	value := strings.Trim(fmt.Sprint(in), "{}")
	f.path.Store(path)
	if n := f.inFlight.Add(1); n > f.most.Load() {
		f.most.Store(n)
	}
	defer f.inFlight.Add(-1)
	if f.delay != nil {
		select {
		case <-time.After(f.delay(value)):
		case <-ctx.Done():
			return vaultapi.Meta{}, ctx.Err()
		}
	}
	if f.err != nil {
		if err := f.err(value); err != nil {
			return vaultapi.Meta{}, err
		}
	}
	hash, ok := out.(*struct {
		Hash string `json:"hash"`
	})
	if ok && value != "silent" {
		hash.Hash = "hmac-sha256:" + value
	}
	return vaultapi.Meta{}, nil
}

func values(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprint("v", i))
	}
	return all
}

func TestAllInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{delay: func(v string) time.Duration { return time.Duration(len(v)*7919%13) * time.Second }}
		got, err := audithash.New(audithash.Config{Vault: f, Device: "/dev1/", InFlight: 5}).All(t.Context(), values(300))
		if err != nil || len(got) != 300 {
			t.Fatal(len(got), err)
		}
		for i, h := range got {
			if h != fmt.Sprint("hmac-sha256:v", i) {
				t.Fatalf("%d: %s", i, h)
			}
		}
		if f.path.Load() != "sys/audit-hash/dev1" || f.most.Load() != 5 {
			t.Errorf("%v, %d in flight", f.path.Load(), f.most.Load())
		}
	})
}

func TestDefaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{delay: func(string) time.Duration { return time.Second }}
		got, err := audithash.New(audithash.Config{Vault: f}).All(t.Context(), values(100))
		if err != nil || len(got) != 100 || f.path.Load() != "sys/audit-hash/file" || f.most.Load() != 16 {
			t.Errorf("%d, %v, %v, %d", len(got), err, f.path.Load(), f.most.Load())
		}
	})
}

func TestErrorsSayWhatToDo(t *testing.T) {
	denied := fmt.Errorf("write: %w", vaultapi.ErrPermissionDenied)
	for name, c := range map[string]struct {
		value string
		err   error
		want  string
		is    error
	}{
		"denied":         {"v", denied, "policy signet-auditor", vaultapi.ErrPermissionDenied},
		"no such device": {"v", &vaultapi.Error{Op: "write", Status: 400, Messages: []string{`unknown audit backend "disk/"`}}, "vault audit list", nil},
		"sealed":         {"v", vaultapi.ErrSealed, `audit device "disk"`, vaultapi.ErrUnavailable},
		"empty":          {"", nil, "empty text", audithash.ErrEmpty},
		"no hash":        {"silent", nil, "has no hash", nil},
	} {
		f := &fake{err: func(string) error { return c.err }}
		_, err := audithash.New(audithash.Config{Vault: f, Device: "disk"}).Hash(t.Context(), c.value)
		if err == nil || !strings.Contains(err.Error(), c.want) || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestStops: the first error ends it, and nothing stays behind.
func TestStops(t *testing.T) {
	defer goleak.VerifyNone(t)
	bad, enough := errors.New("bad"), errors.New("enough")
	synctest.Test(t, func(t *testing.T) {
		asked := atomic.Int64{}
		f := &fake{err: func(v string) error {
			asked.Add(1)
			if v == "v7" {
				return bad
			}
			return nil
		}}
		if _, err := audithash.New(audithash.Config{Vault: f}).All(t.Context(), values(1000)); !errors.Is(err, bad) || asked.Load() > 7+16+1 {
			t.Errorf("%v after %d", err, asked.Load())
		}
	})
	synctest.Test(t, func(t *testing.T) {
		n := 0
		err := audithash.New(audithash.Config{Vault: &fake{}}).Each(t.Context(), slices.Values(values(1000)), func(string, string) error {
			n++
			return enough
		})
		if !errors.Is(err, enough) || n != 1 {
			t.Errorf("%v after %d", err, n)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		f := &fake{delay: func(string) time.Duration { return time.Hour }}
		if _, err := audithash.New(audithash.Config{Vault: f}).All(ctx, values(3)); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}
