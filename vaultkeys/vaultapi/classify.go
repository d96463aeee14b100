package vaultapi

import (
	"net/http"
	"slices"
	"strings"
)

// verdict is what an answer means: the sentinel (nil for success) and the
// metric label.
type verdict struct {
	kind   error
	result string
}

// The results of a request, a closed set for the metrics.
const (
	resultOK               = "ok"
	resultSealed           = "sealed"
	resultStandby          = "standby"
	resultRateLimited      = "rate_limited"
	resultUnavailable      = "unavailable"
	resultTimeout          = "timeout"
	resultCanceled         = "canceled"
	resultMalformed        = "malformed"
	resultPermissionDenied = "permission_denied"
	resultTokenInvalid     = "token_invalid"
	resultNotFound         = "not_found"
	resultVersionRefused   = "version_refused"
	resultBadRequest       = "bad_request"
)

// classify reads a status and Vault's messages. spoken says that the body was
// one of Vault's: a proxy's 404 must not pass for a key that is gone, nor its
// 403 for a policy. Statuses: http/sys_health.go and sdk/logical/response_util.go.
func classify(path string, status int, messages []string, spoken bool) verdict {
	switch {
	case status >= 200 && status < 300:
		return verdict{nil, resultOK}
	case status == http.StatusServiceUnavailable && (says(messages, "vault is sealed") || path == "sys/health"):
		return verdict{ErrSealed, resultSealed}
	case status == 472 || status == 473 || status == http.StatusTooManyRequests && path == "sys/health":
		// DR secondary, performance standby, and the health answer of a plain
		// standby, which is no rate limit.
		return verdict{ErrUnavailable, resultStandby}
	case status == http.StatusTooManyRequests:
		return verdict{ErrUnavailable, resultRateLimited}
	case status == http.StatusInternalServerError:
		return classify500(messages)
	case status < 400 || status > 500 || status == http.StatusPreconditionFailed || status == 474:
		// A redirect too many, a proxy without an upstream, not initialised (501),
		// removed from the cluster (530), a performance standby that lags (412).
		return verdict{ErrUnavailable, resultUnavailable}
	case !spoken:
		return verdict{ErrMalformed, resultMalformed}
	}
	return classify4xx(status, messages)
}

func classify4xx(status int, messages []string) verdict {
	switch status {
	case http.StatusForbidden:
		// A dead token gets both texts, a policy only "permission denied".
		if says(messages, "invalid token") {
			return verdict{ErrTokenInvalid, resultTokenInvalid}
		}
		return verdict{ErrPermissionDenied, resultPermissionDenied}
	case http.StatusNotFound:
		switch {
		case says(messages, "no handler for route"):
			return verdict{ErrNotMounted, resultNotFound}
		case says(messages, "unsupported path"):
			return verdict{ErrBadRequest, resultBadRequest}
		}
		return verdict{ErrNotFound, resultNotFound}
	case http.StatusBadRequest:
		switch {
		case slices.ContainsFunc(messages, VersionRefused):
			return verdict{ErrVersionRefused, resultVersionRefused}
		case says(messages, "key not found"): // transit answers a missing key with 400 when it is to be used
			return verdict{ErrNotFound, resultNotFound}
		case says(messages, "cannot write to readonly storage"): // Enterprise: a standby just after a login
			return verdict{ErrUnavailable, resultUnavailable}
		}
	}
	return verdict{ErrBadRequest, resultBadRequest}
}

// classify500 finds the refusals that Vault answers with 500: a pinned version
// (it looks like an outage and is none), and JSON that it cannot read.
func classify500(messages []string) verdict {
	switch {
	case slices.ContainsFunc(messages, VersionRefused):
		return verdict{ErrVersionRefused, resultVersionRefused}
	case says(messages, "invalid character ", "unexpected end of json input", "error parsing json", "failed to parse json input"):
		return verdict{ErrBadRequest, resultBadRequest}
	}
	// Also "internal error" and "failed to audit request", on every path, while
	// the health endpoint stays 200: the audit device blocks.
	return verdict{ErrUnavailable, resultUnavailable}
}

// VersionRefused reports whether a message of transit says that it does not do
// what was asked with this version of the key: below the minimum, above the
// latest, or archived. The texts are those of Vault 1.21, in
// sdk/helper/keysutil/policy.go (sign 500, verify 400, HMAC 400) and
// builtin/logical/transit/path_hmac.go (400). A whole answer that says so is
// [ErrVersionRefused]; one item of a batch says so inside an answer of 200,
// which only the caller reads. To one who verifies, "below the minimum" means
// "not valid".
func VersionRefused(message string) bool {
	return says(
		[]string{message},
		"requested version for signing is less than the minimum",
		"requested version for signing is higher than the latest",
		"version is disallowed by policy (too old)",
		"version is too old (disallowed by policy)",
		"version is too new",
		"key version does not exist",
		"no such key version",
	)
}

// says reports whether a message holds one of the texts (lower case).
func says(messages []string, texts ...string) bool {
	for _, m := range messages {
		m = strings.ToLower(m)
		for _, t := range texts {
			if strings.Contains(m, t) {
				return true
			}
		}
	}
	return false
}
