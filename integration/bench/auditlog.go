package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"signet/audit"
	"signet/audit/vaultlog/vaultlogtest"
	"signet/vaultkeys/vaultinit"
)

const (
	auditRing     = "signet-es256"
	auditBatch    = 128 // items in a request, the most that Signet sends
	auditReplicas = 3
)

// auditFiles are a clear audit log of Vault and the records of the same
// signatures, in files as Signet and Vault write them.
type auditFiles struct {
	config, log string
	records     []string
	jti         string // of one of the last tokens
	signatures  int
	logBytes    int64
	recordBytes int64
}

// writeAudit writes a log of about so many bytes, and its records.
func writeAudit(dir string, size int64) (files auditFiles, err error) {
	files = auditFiles{config: filepath.Join(dir, "signet.yaml"), log: filepath.Join(dir, "audit.log")}
	if err := os.WriteFile(files.config, []byte(`issuer: https://tokens.example.com
vault: {address: "https://127.0.0.1:1", auth: {method: token, token: {env: NOBODYS}}}
rings: [{name: `+auditRing+`}]
redis: {insecure: true}
`), 0o600); err != nil {
		return files, fmt.Errorf("writing a configuration: %w", err)
	}
	out, err := createCounted(files.log)
	if err != nil {
		return files, err
	}
	defer func() { err = errors.Join(err, out.close()) }()
	log := vaultlogtest.New(out, vaultlogtest.Config{Clear: vaultinit.ClearRequestKeys})
	var replicas []*auditReplica
	for i := range auditReplicas {
		p := &auditReplica{name: fmt.Sprintf("signet-%d", i+1)}
		if p.out, err = createCounted(filepath.Join(dir, fmt.Sprintf("records-%d.jsonl", i+1))); err != nil {
			return files, err
		}
		defer func() { err = errors.Join(err, p.out.close()) }()
		replicas = append(replicas, p)
		files.records = append(files.records, p.out.path)
	}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, p := range replicas {
		if err := p.write(audit.Record{Time: at, Event: audit.EventStart, Build: "bench"}); err != nil {
			return files, err
		}
	}
	for n := 0; out.n < size; n++ {
		at = at.Add(10 * time.Millisecond)
		if err := replicas[n%auditReplicas].batch(log, at, &files); err != nil {
			return files, err
		}
	}
	files.logBytes = out.n
	for _, p := range replicas {
		files.recordBytes += p.out.n
	}
	return files, nil
}

// auditReplica writes records of one replica, as its journal does.
type auditReplica struct {
	name string
	out  *countedFile
	seq  uint64
	head audit.Hash
	line []byte
}

func (p *auditReplica) write(r audit.Record) error {
	p.seq++
	r.V, r.Seq, r.Replica = audit.Version, p.seq, p.name
	if p.seq > 1 {
		r.Prev = p.head.String()
	}
	p.line = r.Append(p.line[:0])
	p.head = sha256.Sum256(p.line)
	p.line = append(p.line, '\n')
	if _, err := p.out.Write(p.line); err != nil {
		return fmt.Errorf("writing records: %w", err)
	}
	return nil
}

// batch writes the declarations of a request, the request and its outcome.
func (p *auditReplica) batch(log *vaultlogtest.Log, at time.Time, files *auditFiles) error {
	first := p.seq + 1
	b := vaultlogtest.Batch{Time: at, Key: auditRing, Version: 1, ID: vaultlogtest.ID(uint64(files.signatures))}
	for range auditBatch {
		digest := sha256.Sum256(fmt.Append(nil, files.signatures))
		id := base64.RawURLEncoding.EncodeToString(digest[16:])
		input := base64.StdEncoding.EncodeToString(digest[:])
		b.Items = append(b.Items, vaultlogtest.Item{Input: input, Reference: id})
		if err := p.write(audit.Record{
			Time: at, Event: audit.EventToken, Batch: first, JTI: id, Grant: "client_credentials", ClientID: "orders", Auth: "client_secret_basic",
			Subject: "orders", Audience: []string{"https://billing.example.com"}, Scope: "billing:read",
			IssuedAt: at.Unix(), Expiry: at.Add(5 * time.Minute).Unix(), Ring: auditRing, KID: "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", KeyVersion: 1, Input: input,
			Remote: "192.0.2.17", TraceID: hex.EncodeToString(digest[:16]),
		}); err != nil {
			return err
		}
		if files.signatures++; files.signatures%(1<<16) == 1 {
			files.jti = id
		}
	}
	if err := log.Write(b); err != nil {
		return err
	}
	return p.write(audit.Record{Time: at, Event: audit.EventBatch, Batch: first, RequestID: b.ID, Items: auditBatch, Outcome: audit.OutcomeIssued})
}

// countedFile is a file that is written, and how long it is.
type countedFile struct {
	path string
	f    *os.File
	w    *bufio.Writer
	n    int64
}

var _ io.Writer = (*countedFile)(nil)

func createCounted(path string) (*countedFile, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("making a file: %w", err)
	}
	return &countedFile{path: path, f: f, w: bufio.NewWriterSize(f, 1<<20)}, nil
}

func (c *countedFile) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err //nolint:wrapcheck // it is an io.Writer
}

// close leaves nothing to be written while the file is read.
func (c *countedFile) close() error { return errors.Join(c.w.Flush(), c.f.Sync(), c.f.Close()) }
