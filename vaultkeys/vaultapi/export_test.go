package vaultapi

import "net/http"

// Through replaces the network, so that a test can run on a fake clock. It must
// be called before the first request.
func (c *Conn) Through(rt http.RoundTripper) { c.transport = rt }

// UsualAnswer takes an answer of the usual form apart.
var UsualAnswer = usualAnswer
