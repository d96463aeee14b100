// Package authorities reads the certificate authorities that an operator names
// in a configuration: the only ones that a connection to that server trusts.
//
// It is not about this process's own certificates, which are renewed while it
// runs.
package authorities
