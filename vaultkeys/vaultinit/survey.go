package vaultinit

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"signet/vaultkeys"
	"signet/vaultkeys/vaultapi"
)

// state is what a step found, and so what it does.
type state int

const (
	present state = iota // right already
	absent               // to be made
	differs              // to be changed
)

// step is one thing that must be so in Vault.
type step struct {
	kind, name string
	state      state
	note       string                      // what is special about it
	do         func(context.Context) error // nil if present
}

// survey reads how things are, and plans what to do. It writes nothing.
type survey struct {
	cfg      *Config
	paths    vaultkeys.Paths
	problems []error // what Run cannot mend
}

func (s *survey) all(ctx context.Context, policies []Policy) ([]step, error) {
	steps := []func(context.Context) (step, error){s.transit}
	if s.cfg.DedicatedMount {
		steps = append(steps, s.clearLog)
	}
	for _, k := range s.cfg.keys() {
		steps = append(steps, func(ctx context.Context) (step, error) { return s.key(ctx, k) })
	}
	for _, p := range policies {
		steps = append(steps, func(ctx context.Context) (step, error) { return s.policy(ctx, p) })
	}
	steps = append(steps, s.appRole)
	for _, r := range roles {
		steps = append(steps, func(ctx context.Context) (step, error) { return s.role(ctx, r) })
	}
	planned := make([]step, 0, len(steps))
	for _, plan := range steps {
		step, err := plan(ctx)
		if err != nil {
			return nil, errors.Join(append(s.problems, err)...)
		}
		planned = append(planned, step)
	}
	return planned, errors.Join(s.problems...)
}

// refuse notes what Run cannot mend; the survey goes on, to find all of it.
func (s *survey) refuse(format string, args ...any) {
	s.problems = append(s.problems, fmt.Errorf(format, args...))
}

// read reports whether something is stored under path.
func (s *survey) read(ctx context.Context, path string, out any) (bool, error) {
	_, err := s.cfg.Conn.Read(ctx, path, out)
	if errors.Is(err, vaultapi.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking at %s: %w", path, err)
	}
	return true, nil
}

func (s *survey) write(ctx context.Context, path string, in any) error {
	_, err := s.cfg.Conn.Write(ctx, path, in, nil)
	return err
}

// mount is an entry of sys/mounts or sys/auth.
type mount struct {
	Type   string `json:"type"`
	Config struct {
		RequestKeys []string `json:"audit_non_hmac_request_keys"`
	} `json:"config"`
}

func (s *survey) transit(ctx context.Context) (step, error) {
	return s.mounted(ctx, "transit engine", "sys/mounts", s.cfg.Mount, "transit",
		"write another vault.transit_mount in the configuration")
}

func (s *survey) appRole(ctx context.Context) (step, error) {
	return s.mounted(ctx, "auth method", "sys/auth", s.cfg.AppRoleMount, "approle",
		"write another vault.auth.mount in the configuration")
}

func (s *survey) mounted(ctx context.Context, kind, table, path, want, remedy string) (step, error) {
	var mounts map[string]mount
	if _, err := s.cfg.Conn.Read(ctx, table, &mounts); err != nil {
		return step{}, fmt.Errorf("looking at %s: %w", table, err)
	}
	out := step{kind: kind, name: path + "/"}
	switch m, ok := mounts[path+"/"]; {
	case !ok:
		out.state = absent
		out.do = func(ctx context.Context) error {
			return s.write(ctx, table+"/"+path, map[string]string{"type": want, "description": "Signet"})
		}
	case m.Type != want:
		s.refuse("at %s/ there is %q, not %q: %s", path, m.Type, want, remedy)
	}
	return out, nil
}

// policyPaths finds the paths that a policy names.
var policyPaths = regexp.MustCompile(`(?m)^\s*path\s+"([^"]*)"`)

// lostPaths are those that only the old text names. A pattern is not counted:
// whoever wrote one into our policy widened it by hand.
func lostPaths(before, after string) []string {
	kept := map[string]bool{}
	for _, m := range policyPaths.FindAllStringSubmatch(after, -1) {
		kept[m[1]] = true
	}
	var lost []string
	for _, m := range policyPaths.FindAllStringSubmatch(before, -1) {
		if !kept[m[1]] && !strings.ContainsAny(m[1], "*+") {
			lost = append(lost, m[1])
		}
	}
	return lost
}

func (s *survey) policy(ctx context.Context, p Policy) (step, error) {
	path := "sys/policies/acl/" + p.Name
	var stored struct {
		Policy string `json:"policy"`
	}
	found, err := s.read(ctx, path, &stored)
	out := step{kind: "policy", name: p.Name}
	switch {
	case err != nil:
		return out, err
	case found && strings.TrimSpace(stored.Policy) == strings.TrimSpace(p.Text):
		return out, nil
	case found:
		out.state, out.note = differs, "it was another text"
		if lost := lostPaths(stored.Policy, p.Text); len(lost) > 0 && !s.cfg.NarrowPolicies {
			s.refuse("policy %s would lose %s, which another configuration or a running replica may need: "+
				"add the rings to this configuration, or run again with --narrow-policies", p.Name, strings.Join(lost, ", "))
		}
	default:
		out.state = absent
	}
	out.do = func(ctx context.Context) error { return s.write(ctx, path, map[string]string{"policy": p.Text}) }
	return out, nil
}
