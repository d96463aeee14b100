// Command signet signs JWTs with keys that never leave HashiCorp Vault. It only
// wires the packages together; each command has a file of its own.
package main
