package config

import "signet/internal/strictyaml"

// Violation is one thing that is wrong: line, field, problem, remedy.
type Violation = strictyaml.Violation

// Error holds every violation of a file at once.
type Error = strictyaml.Error
