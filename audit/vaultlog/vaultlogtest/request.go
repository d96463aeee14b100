package vaultlogtest

import (
	"fmt"
	"strings"
	"time"
)

// Request is any request. What Data and Response have, is written as it stands:
// whoever wants it hashed, hashes it.
type Request struct {
	Time      time.Time
	Took      time.Duration // default 1 ms
	ID        string        // default: counted
	Operation string        // default "update"
	Path      string
	Mount     string // without slash; default: the first part of Path
	MountType string // default "transit", "system" for sys
	Data      []byte // JSON of request.data; nil for none
	Response  []byte // JSON of response.data; nil for an answer without any
	Error     string // of the answer
	Lost      bool   // the answer is not in the log
	Auth      *Auth  // default: the log's
}

// timeFormat is RFC 3339 as encoding/json writes a time.
const timeFormat = time.RFC3339Nano

// Request writes the lines of a request.
func (l *Log) Request(r Request) error {
	l.seq++
	def(&r.ID, ID(l.seq))
	def(&r.Operation, "update")
	if r.Mount == "" {
		r.Mount, _, _ = strings.Cut(r.Path, "/")
	}
	if r.MountType == "" {
		r.MountType = "transit"
		if r.Mount == "sys" {
			r.MountType = "system"
		}
	}
	if r.Took == 0 {
		r.Took = time.Millisecond
	}
	auth := l.cfg.Auth
	if r.Auth != nil {
		auth = r.Auth.filled()
	}
	head := l.head(auth)
	body := l.request(&r, auth)

	l.line = append(append(append(l.line[:0], head...), `,"request":`...), body...)
	l.end(r.Time, "request")
	if !r.Lost {
		l.line = append(l.line, head...)
		if r.Error != "" {
			l.line = text(append(l.line, `,"error":`...), r.Error)
		}
		l.line = append(append(l.line, `,"request":`...), body...)
		l.response(&r)
		l.end(r.Time.Add(r.Took), "response")
	}
	if _, err := l.w.Write(l.line); err != nil {
		return fmt.Errorf("writing a log: %w", err)
	}
	return nil
}

func (l *Log) end(t time.Time, kind string) {
	l.line = append(l.line, `,"time":"`...)
	l.line = t.UTC().AppendFormat(l.line, timeFormat)
	l.line = append(l.line, `","type":"`...)
	l.line = append(l.line, kind...)
	l.line = append(l.line, "\"}\n"...)
}

func (l *Log) head(a Auth) []byte {
	b := text([]byte(`{"auth":{"accessor":`), l.Hash(a.Accessor))
	b = text(append(b, `,"client_token":`...), l.Hash(a.Token))
	b = text(append(b, `,"display_name":`...), a.DisplayName)
	b = text(append(b, `,"entity_id":`...), a.EntityID)
	b = text(append(b, `,"metadata":{"role_name":`...), a.Role)
	b = policies(append(b, `},"policies":`...), a.Policies)
	b = append(b, `,"policy_results":{"allowed":true,"granting_policies":[{"type":""}`...)
	for _, p := range a.Policies {
		b = append(text(append(b, `,{"name":`...), p), `,"namespace_id":"root","type":"acl"}`...)
	}
	b = policies(append(b, `]},"token_policies":`...), a.Policies)
	b = text(append(b, `,"token_issue_time":`...), a.Issued.UTC().Format(time.RFC3339))
	return fmt.Appendf(b, `,"token_ttl":%d,"token_type":"service"}`, a.TTL)
}

func policies(b []byte, all []string) []byte {
	b = append(b, '[')
	for i, p := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = text(b, p)
	}
	return append(b, ']')
}

func (l *Log) request(r *Request, a Auth) []byte {
	b := text([]byte(`{"client_id":`), a.EntityID)
	b = text(append(b, `,"client_token":`...), l.Hash(a.Token))
	b = text(append(b, `,"client_token_accessor":`...), l.Hash(a.Accessor))
	if r.Data != nil {
		b = append(append(b, `,"data":`...), r.Data...)
	}
	b = text(append(b, `,"headers":{"user-agent":[`...), l.cfg.UserAgent)
	b = text(append(b, `]},"id":`...), r.ID)
	b = text(append(b, `,"mount_accessor":`...), l.cfg.MountAccessor)
	b = append(b, `,"mount_class":"secret"`...)
	b = text(append(b, `,"mount_point":`...), r.Mount+"/")
	b = text(append(b, `,"mount_running_version":`...), l.cfg.Version+"+builtin.vault")
	b = text(append(b, `,"mount_type":`...), r.MountType)
	b = append(b, `,"namespace":{"id":"root"`...)
	if l.cfg.Namespace != "" {
		b = text(append(b, `,"path":`...), l.cfg.Namespace+"/")
	}
	b = text(append(b, `},"operation":`...), r.Operation)
	b = text(append(b, `,"path":`...), r.Path)
	b = text(append(b, `,"remote_address":`...), l.cfg.RemoteAddr)
	return fmt.Appendf(b, `,"remote_port":%d}`, l.cfg.RemotePort)
}

func (l *Log) response(r *Request) {
	if r.Response == nil {
		return // Vault answered without a body
	}
	b := append(append(l.line, `,"response":{"data":`...), r.Response...)
	b = text(append(b, `,"mount_accessor":`...), l.cfg.MountAccessor)
	b = append(b, `,"mount_class":"secret"`...)
	b = text(append(b, `,"mount_point":`...), r.Mount+"/")
	b = text(append(b, `,"mount_running_plugin_version":`...), l.cfg.Version+"+builtin.vault")
	b = text(append(b, `,"mount_type":`...), r.MountType)
	l.line = append(b, '}')
}
