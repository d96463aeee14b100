// Package config turns one YAML file into one validated Config: strict, every
// violation at once, each with its line and its remedy. The arithmetic that
// keeps a rotation safe is checked here, so that nothing else needs to doubt it.
//
// It is not the client registry (package clients), it opens no connection, and
// it reads a secret or a certificate only when asked (Secret.Read,
// Config.CheckSecrets, Config.CheckFiles).
package config
