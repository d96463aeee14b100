package vaultapi

import (
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxErrorBody   = 64 << 10
	maxMessages    = 8
	maxMessageSize = 512
)

// parseErrors reads the body of a refusal. spoken is false if the body is not
// one of Vault's, whose errors always carry "errors" (even an empty list), or
// "request_id" where data comes with a 404.
func parseErrors(body []byte) (messages []string, spoken bool) {
	var answer struct {
		Errors    *[]string `json:"errors"`
		RequestID string    `json:"request_id"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, false
	}
	if answer.Errors != nil {
		for _, m := range *answer.Errors {
			messages = append(messages, splitMulti(m)...)
		}
	}
	return messages, answer.Errors != nil || answer.RequestID != ""
}

// splitMulti takes apart go-multierror's list, so that messages stay one line.
func splitMulti(m string) []string {
	head, list, found := strings.Cut(m, "\n\t* ")
	if !found || !strings.HasSuffix(strings.TrimSpace(head), "occurred:") {
		return []string{m}
	}
	var all []string
	for item := range strings.SplitSeq(list, "\n\t* ") {
		all = append(all, strings.TrimSpace(item))
	}
	return all
}

// clean makes messages fit for logs: no secret (whoever answers might echo one),
// no control characters (log injection), bounded.
func clean(messages []string, secrets []string) []string {
	var all []string
	for _, m := range messages {
		if len(all) == maxMessages {
			break
		}
		for _, s := range secrets {
			if s != "" {
				m = strings.ReplaceAll(m, s, "[redacted]")
			}
		}
		m = strings.TrimSpace(strings.Map(func(r rune) rune {
			if !unicode.IsPrint(r) {
				return ' '
			}
			return r
		}, m))
		if len(m) > maxMessageSize {
			m = m[:maxMessageSize]
			for !utf8.ValidString(m) {
				m = m[:len(m)-1]
			}
		}
		if m != "" {
			all = append(all, m)
		}
	}
	return all
}
