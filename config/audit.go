package config

import (
	"os"
	"strings"
	"unicode"

	"signet/internal/strictyaml"
)

// audit reads where the issuance records go. Nothing is signed that is not
// recorded, so they must go somewhere.
func (l *loader) audit(m *strictyaml.Map) Audit {
	a := Audit{
		Stdout:  !m.Has("stdout") || m.Bool("stdout"),
		File:    l.resolve(m.String("file", "")),
		Fsync:   m.Choice("fsync", FsyncEverySecond, FsyncAlways, FsyncNo),
		Replica: m.String("replica", ""),
	}
	if !a.Stdout && a.File == "" {
		m.Refuse("stdout", "the issuance records would go nowhere, and nothing is signed without one", "write `stdout: true`, or `file: PATH`")
	}
	if a.File == "" && m.Has("fsync") {
		m.Refuse("fsync", "has no meaning without file", "remove it, or write `file: PATH`")
	}
	const longest = 128
	if len(a.Replica) > longest || strings.ContainsFunc(a.Replica, func(r rune) bool { return !unicode.IsPrint(r) }) {
		m.Refuse("replica", "is not a name of at most 128 printable characters", "write the name of the host or the pod, or leave it out")
	}
	if a.Replica == "" {
		a.Replica = hostname()
	}
	return a
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "signet"
	}
	return name
}
