package httpapi

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxBody is the size of any request body but a list of tokens, in bytes.
const maxBody = 64 << 10

// parameters are all that the OAuth endpoints know. In the URL none of them is
// read, for URLs end up in logs, and a request that has one there is refused
// (RFC 6749 section 2.3.1).
var parameters = []string{
	"grant_type", "client_id", "client_secret", "scope", "audience", "resource",
	"refresh_token", "token", "token_type_hint", "access_token", "client_assertion",
	"client_assertion_type", "assertion", "subject_token", "actor_token",
}

// repeatable may occur more than once (RFC 8707 section 2); all others must not.
var repeatable = []string{"audience", "resource"}

// form is a request's parameters: each once but the repeatable ones, none empty.
type form struct{ values url.Values }

// get is a parameter's value; empty if it is absent.
func (f form) get(name string) string { return f.values.Get(name) }

// all is every value of a repeatable parameter.
func (f form) all(name string) []string { return f.values[name] }

// readForm reads the body of an OAuth request, by RFC 6749 appendix B and
// section 3.2: form only, body only, every parameter once.
func readForm(w http.ResponseWriter, r *http.Request) (form, error) {
	if err := nothingInURL(r); err != nil {
		return form{}, err
	}
	body, err := readBody(w, r, "application/x-www-form-urlencoded", maxBody)
	if err != nil {
		return form{}, err
	}
	return parseForm(string(body))
}

func parseForm(body string) (form, error) {
	values, err := url.ParseQuery(body)
	if err != nil {
		return form{}, malformed("the body is not application/x-www-form-urlencoded")
	}
	for name, list := range values {
		if slices.ContainsFunc(list, func(v string) bool { return !utf8.ValidString(v) }) {
			return form{}, malformed("a parameter is not UTF-8")
		}
		// Empty counts as absent (RFC 6749 section 3.1), but twice is twice.
		if len(list) > 1 && !slices.Contains(repeatable, name) && slices.Contains(parameters, name) {
			return form{}, malformed("the parameter %s occurs more than once", name)
		}
		list = slices.DeleteFunc(list, func(v string) bool { return v == "" })
		if len(list) == 0 {
			delete(values, name)
			continue
		}
		values[name] = list
	}
	return form{values}, nil
}

// nothingInURL refuses a parameter in the URL.
func nothingInURL(r *http.Request) error {
	if r.URL.RawQuery == "" {
		return nil
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return malformed("the URL has a query that cannot be read")
	}
	for _, name := range parameters {
		if query.Has(name) {
			return malformed("the parameter %s belongs into the body, never into the URL", name)
		}
	}
	return nil
}

// readBody reads a body of one content type, plainly encoded, of at most limit bytes.
func readBody(w http.ResponseWriter, r *http.Request, contentType string, limit int64) ([]byte, error) {
	if !isOf(r.Header.Values("Content-Type"), contentType) {
		return nil, malformedWith(http.StatusUnsupportedMediaType, "the body must be %s", contentType)
	}
	if encoding := strings.Join(r.Header.Values("Content-Encoding"), ","); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return nil, malformedWith(http.StatusUnsupportedMediaType, "a compressed body is not accepted")
	}
	if r.ContentLength > limit {
		return nil, tooLarge(limit) // not even asked for, where the caller waits with Expect
	}
	body, err := readAll(w, r, limit)
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, tooLarge(limit)
	}
	if err != nil {
		refused := malformed("the body ended early")
		refused.cause = err
		return nil, refused
	}
	if r.Context().Err() != nil { // or the caller's own slowness would look like an outage of ours
		return nil, malformedWith(http.StatusRequestTimeout, "the body took too long")
	}
	return body, nil
}

// isOf says whether the Content-Type headers name a content type, in UTF-8.
func isOf(headers []string, contentType string) bool {
	if len(headers) == 1 && headers[0] == contentType {
		return true
	}
	// Joined, two headers of a name are never what one alone would be.
	given, params, err := mime.ParseMediaType(strings.Join(headers, ","))
	charset := params["charset"]
	return err == nil && given == contentType && (charset == "" || strings.EqualFold(charset, "utf-8"))
}

// readAll reads a body, one of the usual size into as much as it says that it
// needs. Who announces more gets memory only for what comes.
func readAll(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	const usual = 4 << 10
	if r.ContentLength < 0 || r.ContentLength > usual {
		return io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	}
	body := make([]byte, r.ContentLength)
	_, err := io.ReadFull(r.Body, body)
	return body, err
}

func tooLarge(limit int64) *refusal {
	return malformedWith(http.StatusRequestEntityTooLarge, "the body is larger than %d bytes", limit)
}
