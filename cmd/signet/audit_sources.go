package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"signet/audit/records"
)

// auditSources are the flags that say what the audit commands read.
type auditSources struct {
	configPath         string
	records, vaultLogs []string
}

func (s *auditSources) add(flags *pflag.FlagSet) {
	flags.StringVar(&s.configPath, "config", "signet.yaml", "Signet's configuration file")
	flags.StringArrayVar(&s.records, "records", nil, "a file of issuance records; may be repeated")
	flags.StringArrayVar(&s.vaultLogs, "vault-log", nil, "a file of Vault's audit log; may be repeated")
}

// expand replaces patterns by the files that they match.
func (s *auditSources) expand() (err error) {
	if s.records, err = matching("records", s.records); err != nil {
		return err
	}
	s.vaultLogs, err = matching("vault-log", s.vaultLogs)
	return err
}

// bothStdin says that records and log would have to share standard input.
func (s *auditSources) bothStdin() bool {
	return slices.Contains(s.records, records.Stdin) && slices.Contains(s.vaultLogs, records.Stdin)
}

// matching are the files that a flag names; a pattern is replaced by what it
// matches, so that a whole directory of rotated files is one flag.
func matching(flag string, given []string) ([]string, error) {
	var files []string
	for _, one := range given {
		if _, err := os.Lstat(one); err == nil || one == records.Stdin || !strings.ContainsAny(one, "*?[") {
			files = append(files, one)
			continue
		}
		found, err := filepath.Glob(one)
		if err != nil || len(found) == 0 {
			return nil, usage("--%s %s: there is no such file", flag, one)
		}
		files = append(files, found...)
	}
	return files, nil
}

// timeSpan reads --since and --until; the zero time is no bound.
func timeSpan(since, until string) (from, to time.Time, err error) {
	if from, err = timeFlag("since", since); err != nil {
		return from, to, err
	}
	if to, err = timeFlag("until", until); err != nil {
		return from, to, err
	}
	if !from.IsZero() && !to.IsZero() && !from.Before(to) {
		return from, to, usage("--since %s is not before --until %s", since, until)
	}
	return from, to, nil
}

func timeFlag(name, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, usage("--%s %s: write a time such as 2026-11-27T12:00:00Z", name, text)
	}
	return t, nil
}

// reading says how far the files of a kind are read.
func reading(said *progress, what string) func(done, total int64) {
	return func(done, total int64) {
		if total > 0 {
			said.say("reading %s: %d of %d MB", what, done/1e6, total/1e6)
			return
		}
		said.say("reading %s: %d MB", what, done/1e6)
	}
}
