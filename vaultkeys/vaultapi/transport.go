package vaultapi

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"signet/internal/authorities"
)

// newTransport builds the HTTP side. It is ours and not vault/api's client,
// because api.NewClient obeys the environment whatever its Config says:
// VAULT_TOKEN, VAULT_NAMESPACE, VAULT_HEADERS are taken over, a bad VAULT_CACERT
// or VAULT_SKIP_VERIFY makes it fail, and its error bodies are unbounded. Here
// nothing is read from the environment, not even a proxy.
func newTransport(c Config) (*http.Transport, error) {
	trust, err := tlsConfig(c.CACert)
	if err != nil {
		return nil, err
	}
	// Each request in flight has a connection of its own. Over HTTP/2 all would share
	// one: they would queue for it in both processes (docs/performance.md has the
	// figures), one lost packet would delay them all, and no load balancer could
	// spread them over performance standbys.
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	dialer := &net.Dialer{
		Timeout: c.Timeout,
		// An idle connection whose other end is gone is found within nine seconds, not
		// by a request. One that swallows a request ends with that one's deadline.
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 2},
	}
	// No ResponseHeaderTimeout: each request's own deadline says when it is over.
	return &http.Transport{
		Proxy:               nil,
		DialContext:         dialer.DialContext,
		TLSClientConfig:     trust,
		TLSHandshakeTimeout: c.Timeout,
		Protocols:           &protocols,
		DisableCompression:  true, // Vault does not compress; nobody else shall
		MaxConnsPerHost:     c.MaxConns,
		MaxIdleConnsPerHost: c.MaxConns, // the default of 2 would dial anew all the time
		IdleConnTimeout:     45 * time.Second,
	}, nil
}

// tlsConfig trusts the CAs in a file and no others; without one, the system's.
func tlsConfig(path string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if path == "" {
		return config, nil
	}
	pool, err := authorities.Load(path)
	if err != nil {
		return nil, fmt.Errorf("reading vault's CA certificate: %w", err)
	}
	config.RootCAs = pool
	return config, nil
}

var (
	errAddress    = errors.New("vault address must be http(s)://host[:port], without user, query or fragment")
	errPath       = errors.New("not a path below v1/")
	errLocation   = errors.New("a redirect to an address that cannot be read")
	errDowngrade  = errors.New("a redirect from https to plain http, refused")
	errOtherPlace = errors.New("a redirect to another path or with credentials, refused")
)

func parseAddress(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	// The parser's own error would repeat a password in the address.
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil ||
		u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.Opaque != "" {
		return nil, errAddress
	}
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = ""
	return u, nil
}

// endpoint is the address of path, as it stands: dots would be cleaned away by
// Vault with a redirect to something else than was asked for.
func endpoint(base *url.URL, path string) (*url.URL, error) {
	for part := range strings.SplitSeq(path, "/") {
		if part == "" || part == "." || part == ".." || strings.ContainsFunc(part, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return nil, errPath
		}
	}
	u := *base
	u.Path += "/v1/" + path
	return &u, nil
}

// redirected checks the one redirect that is followed: the 307 of a standby to
// the active node, same path, no query (vault/http respondStandby). The errors
// never show the address, for the token would go there.
func redirected(from *url.URL, path, location string) (*url.URL, error) {
	to, err := from.Parse(location)
	switch {
	case err != nil || location == "" || to.Host == "":
		return nil, errLocation
	case to.Scheme != "https" && (from.Scheme == "https" || to.Scheme != "http"):
		return nil, errDowngrade
	case to.User != nil || to.RawQuery != "" || (to.Path != from.Path && to.Path != "/v1/"+path):
		return nil, errOtherPlace
	}
	return to, nil
}
