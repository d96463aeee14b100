package stack

import "strings"

// variable is one line of the env file.
type variable struct{ name, value string }

// envFile renders variables for a shell's `source`. Single quotes keep
// everything literal but the single quote itself.
func envFile(vars []variable) string {
	var b strings.Builder
	for _, v := range vars {
		b.WriteString("export " + v.name + "='" + strings.ReplaceAll(v.value, "'", `'\''`) + "'\n")
	}
	return b.String()
}
