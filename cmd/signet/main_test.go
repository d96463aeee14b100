package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// asMain makes the test binary the program itself, for what only a process of
// its own can show (signals).
const asMain = "SIGNET_TEST_AS_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asMain) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// signet runs a command line.
func signet(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestExitCodes(t *testing.T) {
	t.Setenv("VAULT_TOKEN", "")
	t.Setenv("HOME", t.TempDir())
	for line, c := range map[string]struct {
		code   int
		stdout string
		stderr string
	}{
		"":                                       {0, "Usage:", ""},
		"--help":                                 {0, "Usage:", ""},
		"vault":                                  {0, "Usage:", ""},
		"client":                                 {0, "Usage:", ""},
		"version":                                {0, "signet dev (go", ""},
		"nonsense":                               {2, "", `unknown argument "nonsense"; see signet --help`},
		"vault nonsense":                         {2, "", `unknown argument "nonsense"; see signet vault --help`},
		"client nonsense":                        {2, "", `unknown argument "nonsense"`},
		"serve extra":                            {2, "", `unknown argument "extra"; see signet serve --help`},
		"version extra":                          {2, "", `unknown argument "extra"`},
		"--nonsense":                             {2, "", "unknown flag: --nonsense; see signet --help"},
		"serve --nonsense":                       {2, "", "unknown flag: --nonsense; see signet serve --help"},
		"serve -x":                               {2, "", "unknown shorthand flag"},
		"serve --config":                         {2, "", "flag needs an argument"},
		"serve --check=perhaps":                  {2, "", "invalid argument"},
		"serve --log-level=loud":                 {2, "", "use debug, info, warn or error"},
		"serve --config /nowhere/s.yaml":         {1, "", "/nowhere/s.yaml"},
		"serve --check --config /nowhere/s.yaml": {1, "", "/nowhere/s.yaml"},
		"client new":                             {2, "", `required flag(s) "id" not set; see signet client new --help`},
		"client new --id a -o xml":               {2, "", "use table or json"},
		"client new --id a:b":                    {2, "", "cannot be a client id"},
		"client new --id a --grant nonsense":     {2, "", "is not a grant"},
		"client new --id a --ttl nonsense":       {2, "", "invalid argument"},
		"client new --id a":                      {0, "  - id: a\n", "note: without --grant, --introspect or --sessions"},
		"client new --id a --sessions own":       {0, "    sessions: own\n", ""},
		"client new --id a --sessions some":      {2, "", "sessions"},
		"client new --id a --grant issue --audience b": {0, "  - id: a\n", "note: without --subject"},
		"client new --id a --introspect":               {0, "  - id: a\n", "note: without --audience"},
		"client new --id a --introspect --audience b":  {0, "  - id: a\n", ""},
		"client new --id a -o json":                    {0, `"id": "a"`, "note: "},
		"vault init --config /nowhere/s.yaml":          {1, "", "/nowhere/s.yaml"},
		"vault check -o xml":                           {2, "", "use table or json"},
	} {
		t.Run(line, func(t *testing.T) {
			code, stdout, stderr := signet(t, strings.Fields(line)...)
			if code != c.code || !strings.Contains(stdout, c.stdout) || !strings.Contains(stderr, c.stderr) {
				t.Errorf("code %d\nstdout: %s\nstderr: %s", code, stdout, stderr)
			}
			if code != 0 && stdout != "" || code == 0 && (stderr == "") != (c.stderr == "") {
				t.Errorf("code %d\nstdout: %s\nstderr: %s", code, stdout, stderr)
			}
			if code == 2 && !strings.HasPrefix(stderr, "signet: wrong usage: ") {
				t.Errorf("stderr: %s", stderr)
			}
		})
	}
}

// TestHelp: every command explains itself, with an example that it would take.
func TestHelp(t *testing.T) {
	t.Parallel()
	commands := 0
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		commands++
		args := append(strings.Fields(cmd.CommandPath())[1:], "--help")
		code, stdout, stderr := signet(t, args...)
		if code != 0 || stderr != "" || !strings.Contains(stdout, "Examples:\n  signet ") || cmd.Short == "" {
			t.Errorf("%v: code %d\n%s%s", args, code, stdout, stderr)
		}
		for line := range strings.Lines(strings.ReplaceAll(cmd.Example, "\\\n", " ")) {
			if line = strings.TrimSpace(line); line == "" {
				continue
			}
			words := strings.Fields(strings.ReplaceAll(line, "'", ""))
			found, rest, err := newRootCommand().Find(words[1:])
			if words[0] != "signet" || err != nil || found.ParseFlags(rest) != nil || found.ValidateArgs(found.Flags().Args()) != nil {
				t.Errorf("%s is no command line of ours: %v", line, err)
			}
		}
		for _, child := range cmd.Commands() {
			visit(child)
		}
	}
	visit(newRootCommand())
	if commands < 9 {
		t.Errorf("only %d commands", commands)
	}
}

const goodConfig = `issuer: https://tokens.example.com
listen: {address: "127.0.0.1:0"}
vault: {address: "https://vault.example.com:8200", auth: {method: token, token: {file: token}}}
rings: [{name: signet-es256, algorithm: ES256}]
redis: {tls: {}}
`

// dir is a directory with the given files, and the path of its signet.yaml.
func dir(t *testing.T, files map[string]string) (config string) {
	t.Helper()
	d := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(d, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(d, "signet.yaml")
}

func TestServeCheck(t *testing.T) {
	t.Parallel()
	const noClients = "clients: []\n"
	cert, key := newPair(t, "a.example.com")
	_, otherKey := newPair(t, "b.example.com")
	withTLS := strings.Replace(goodConfig, `"127.0.0.1:0"}`, `"127.0.0.1:0", tls: {cert: cert.pem, key: key.pem}}`, 1)
	for name, c := range map[string]struct {
		files map[string]string
		code  int
		says  []string
	}{
		"valid":          {map[string]string{"signet.yaml": goodConfig, "token": "x", "clients.yaml": noClients}, 0, nil},
		"a client":       {map[string]string{"signet.yaml": goodConfig, "token": "x", "clients.yaml": "clients: [{id: a}]\n"}, 0, nil},
		"valid with TLS": {map[string]string{"signet.yaml": withTLS, "token": "x", "clients.yaml": noClients, "cert.pem": cert, "key.pem": key}, 0, nil},
		"invalid":        {map[string]string{"signet.yaml": "isuer: x\nrings: []\n"}, 3, []string{"violations found", ":1: isuer", "rings: there is no key ring"}},
		"no YAML":        {map[string]string{"signet.yaml": "{"}, 3, []string{"violations found", "signet.yaml:"}},
		"no secret":      {map[string]string{"signet.yaml": goodConfig, "clients.yaml": noClients}, 3, []string{"vault.auth.token", "token"}},
		"an empty secret": {
			map[string]string{"signet.yaml": goodConfig, "token": "\n", "clients.yaml": noClients}, 3, []string{"vault.auth.token", "empty"},
		},
		"bad clients": {map[string]string{"signet.yaml": goodConfig, "token": "x", "clients.yaml": "clients: [{id: 'a:b'}]\n"}, 3, []string{"clients.yaml:1", "client id"}},
		"a client of another ring": {
			map[string]string{"signet.yaml": goodConfig, "token": "x", "clients.yaml": "clients: [{id: a, ring: other}]\n"}, 3, []string{"other"},
		},
		"no clients": {map[string]string{"signet.yaml": goodConfig, "token": "x"}, 3, []string{"clients.yaml", "signet client new"}},
		"everything at once": {
			map[string]string{"signet.yaml": withTLS, "clients.yaml": "clients: [{id: 'a:b'}]\n"}, 3, []string{"vault.auth.token", "clients.yaml:1", "listen.tls"},
		},
		"a key of another certificate": {
			map[string]string{"signet.yaml": withTLS, "token": "x", "clients.yaml": noClients, "cert.pem": cert, "key.pem": otherKey}, 3, []string{"listen.tls", "does not match"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := dir(t, c.files)
			code, stdout, stderr := signet(t, "serve", "--check", "--config", path)
			if code != c.code {
				t.Errorf("code %d, want %d: %s", code, c.code, stderr)
			}
			if want := path + " is valid\n"; (stdout == want) != (code == 0) || code != 0 && stdout != "" {
				t.Errorf("stdout: %s", stdout)
			}
			for _, want := range c.says {
				if !strings.Contains(stderr, want) {
					t.Errorf("stderr does not say %q: %s", want, stderr)
				}
			}
			note := "note: " + filepath.Join(filepath.Dir(path), "clients.yaml") + " lists nobody"
			if code == 0 && (stderr == "") != (c.files["clients.yaml"] != noClients) || code == 0 && stderr != "" && !strings.HasPrefix(stderr, note) {
				t.Errorf("stderr: %s", stderr)
			}
		})
	}
}
