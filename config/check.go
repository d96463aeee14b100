package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"signet/internal/strictyaml"
	"signet/internal/transitname"
	"signet/signer"
)

// issuer checks what RFC 8414 section 2 asks of an issuer identifier, plus what
// cannot be compared byte for byte afterwards.
func (l *loader) issuer(root *strictyaml.Map) string {
	const example = "https://tokens.example.com"
	issuer := root.Required("issuer", example)
	if issuer == "" {
		return ""
	}
	u, err := url.Parse(issuer)
	problem := ""
	switch {
	case strings.ContainsFunc(issuer, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		problem = "has white space or control characters"
	case err != nil:
		problem = "is not a URL"
	case u.User != nil:
		problem = "has a user name"
	case strings.ContainsAny(issuer, "?#"):
		problem = "has a query or a fragment (RFC 8414 section 2)"
	case u.Hostname() == "":
		problem = "has no host"
	case strings.HasPrefix(issuer, "https://"):
	case strings.HasPrefix(issuer, "http://") && loopback(u.Hostname()):
	case strings.HasPrefix(issuer, "http://"):
		problem = "is http on a host other than this machine"
	default:
		problem = "is not an https URL"
	}
	if problem != "" {
		root.Refuse("issuer", problem, "write an https URL such as "+example+", exactly as verifiers will compare it")
	}
	return issuer
}

func loopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") { // RFC 6761 section 6.3
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

func vaultAddress(m *strictyaml.Map, v Vault) {
	if v.Address == "" {
		return
	}
	u, err := url.Parse(v.Address)
	const remedy = "write scheme, host and port, such as https://vault.example.com:8200"
	switch {
	case err != nil || u.Host == "" || u.User != nil || strings.ContainsAny(v.Address, "?# "):
		m.Refuse("address", "is not the address of a Vault", remedy) // not repeated: it may hold a password
	case u.Scheme == "https" && v.Insecure:
		m.Refuse("insecure", "has no use with an https address", "remove it; it allows http, it never turns verification off")
	case u.Scheme == "https":
	case u.Scheme == "http" && !v.Insecure:
		m.Refuse("address", "http would send Vault's token in clear text", "write https; `insecure: true` only where nobody can listen")
	case u.Scheme == "http":
	default:
		m.Refuse("address", "has neither https nor http", remedy)
	}
}

func transitName(m *strictyaml.Map, key, name string) {
	if !transitname.Key(name) {
		m.Refuse(key, strictyaml.Quote(name)+" cannot name a transit key", "use letters, digits, _ and -, at most 128, with - only inside")
	}
}

func mountPath(m *strictyaml.Map, key, path string) {
	if !transitname.Mount(path) {
		m.Refuse(key, strictyaml.Quote(path)+" is not the path of a mount", "write it without leading or trailing slash, such as "+DefaultTransitMount)
	}
}

func (l *loader) address(m *strictyaml.Map, key, def string) string {
	address := m.String(key, def)
	if problem := checkHostPort(address, false); problem != "" {
		m.Refuse(key, problem, "write `"+key+": \""+def+"\"` or another host:port")
	}
	return address
}

func checkHostPort(address string, remote bool) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return strictyaml.Quote(address) + " is not host:port"
	}
	n, err := strconv.ParseUint(port, 10, 16)
	switch {
	case err != nil:
		return strictyaml.Quote(port) + " is not a port from 1 to 65535"
	case remote && (host == "" || n == 0):
		return strictyaml.Quote(address) + " lacks a host or a port"
	case strings.ContainsAny(host, " /\t"):
		return strictyaml.Quote(host) + " is not a host"
	default:
		return ""
	}
}

func hasPortZero(address string) bool { return strings.HasSuffix(address, ":0") }

func isRSA(a signer.Algorithm) bool {
	return strings.HasPrefix(string(a), "RS") || strings.HasPrefix(string(a), "PS")
}

func rsaBits(m *strictyaml.Map, a signer.Algorithm) int {
	const least = 2048 // RFC 7518 sections 3.3 and 3.5
	bits := m.Int("rsa_bits", strictyaml.IntRange{Default: least, Min: least, Max: 4096})
	if !isRSA(a) {
		if m.Has("rsa_bits") {
			m.Refuse("rsa_bits", "has no meaning for "+string(a), "remove it, or choose an RS or PS algorithm")
		}
		return 0
	}
	if bits > least && bits < 4096 && bits != 3072 {
		m.Refuse("rsa_bits", fmt.Sprintf("Vault makes no RSA keys of %d bits", bits), "write 2048, 3072 or 4096")
	}
	return bits
}

// kids reads the revoked key ids: RFC 7638 SHA-256 thumbprints. A mistyped one
// would revoke nothing, silently.
func (l *loader) kids(m *strictyaml.Map) []string {
	var kids []string
	seen := map[string]bool{}
	for _, text := range m.Strings("revoked_kids") {
		switch {
		case !signer.IsKID(text.Value):
			l.doc.Refuse(text.At, strictyaml.Quote(text.Value)+" is not a key id", "copy the kid from the JWK set or a token's header: 43 characters of base64url")
		case seen[text.Value]:
			l.doc.Refuse(text.At, "is listed twice", "keep one of the two")
		}
		seen[text.Value] = true
		kids = append(kids, text.Value)
	}
	return kids
}
