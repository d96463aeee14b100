package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"signet/clients"
	"signet/issuer"
)

const (
	// maxListBody is the size of a list's body, in bytes: about 1 KiB a request
	// where there are as many as may be.
	maxListBody = 1 << 20
	// maxList is how many tokens one list may ask for.
	maxList = 1000
)

// listProblem is the problem that a single request would have got, and what
// would have stood in its Retry-After.
type listProblem struct {
	problem

	RetryAfter int `json:"retry_after,omitempty"` // seconds
}

// listOutcome is what the access log says of a list that was answered.
type listOutcome struct {
	asked, failed int
	worst         error // of the gravest status; nil where none failed
	status        int
}

// issueList answers a list item by item: one that is malformed or refused fails
// alone.
func (s *Server) issueList(c echo.Context, client *clients.Client, list []json.RawMessage) error {
	items := make([][]byte, len(list))
	results, err := s.cfg.Tokens.IssueList(c.Request().Context(), client, issuer.List{
		Len:     len(list),
		Request: func(n int) (issuer.IssueRequest, error) { return parseIssue(list[n]) },
		Made:    func(n int, r *issuer.Response) { items[n] = appendToken(make([]byte, 0, tokenRoom(r)), r) },
	})
	if err != nil {
		return err
	}
	outcome := &listOutcome{asked: len(list)}
	for n, result := range results {
		if result.Err == nil {
			continue
		}
		if items[n], err = encode(map[string]*listProblem{"error": s.listProblem(c, client, outcome, result.Err)}); err != nil {
			return err
		}
	}
	callOf(c).list = outcome
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, joinList(items))
}

// listProblem is what an item's answer says of its error, which the log and the
// records have as that of a single request.
func (s *Server) listProblem(c echo.Context, client *clients.Client, outcome *listOutcome, err error) *listProblem {
	if errors.Is(err, issuer.ErrPanic) { // which has not come up to recovered
		s.metrics.panics.Inc()
	}
	a := answerOf(err)
	s.noteRefused(c, client, a)
	outcome.add(err, a)
	p := &listProblem{problem: problemOf(a)}
	if a.status == http.StatusServiceUnavailable {
		p.RetryAfter = a.retrySeconds()
	}
	return p
}

// joinList is a list's answer, of those of its requests.
func joinList(items [][]byte) []byte {
	const before, after = `{"tokens":[`, "]}\n"
	size := len(before) + len(after)
	for _, item := range items {
		size += len(item) + len(",")
	}
	text := append(make([]byte, 0, size), before...)
	for n, item := range items {
		if n > 0 {
			text = append(text, ',')
		}
		text = append(text, bytes.TrimSuffix(item, []byte("\n"))...) // errors are lines
	}
	return append(text, after...)
}

func (o *listOutcome) add(err error, a answer) {
	o.failed++
	if gravity(a.status) > gravity(o.status) {
		o.worst, o.status = err, a.status
	}
}

// gravity orders statuses: an outage (503) says less than a bug, whose stack no
// other line has.
func gravity(status int) int {
	switch {
	case status == http.StatusServiceUnavailable:
		return http.StatusInternalServerError
	case status >= http.StatusInternalServerError:
		return status + 1
	default:
		return status
	}
}

// parseList splits a list into the texts of its requests, by the grammar alone
// (RFC 8259): what else is wrong in one of them is for parseIssue to find, and
// its own affair. It is nil for a body that is no list, or no JSON at all.
func parseList(body []byte) ([]json.RawMessage, error) {
	// Without either there is no such name, and nothing to find out.
	if !bytes.Contains(body, []byte(`"tokens"`)) && !bytes.ContainsRune(body, '\\') {
		return nil, nil
	}
	if !utf8.Valid(body) || !json.Valid(body) {
		return nil, nil
	}
	list, others, err := listMember(body)
	switch {
	case err != nil:
		return nil, err
	case list == nil:
		return nil, nil
	case others:
		return nil, malformed("a list has the one member tokens; what a token is to have stands in its own request")
	}
	return listItems(list)
}

// listMember is the value of the member tokens of a JSON object, nil where it has
// none or body is of another kind, and whether it has others.
func listMember(body []byte) (list json.RawMessage, others bool, err error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return nil, false, nil //nolint:nilerr // it is valid JSON: no object, so no list
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, false, err
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, false, err
		}
		switch {
		case name != "tokens":
			others = true
		case list != nil:
			return nil, false, malformed("the member tokens occurs more than once")
		default:
			list = value
		}
	}
	return list, others, nil
}

// listItems are the elements of a JSON array, of which it reads no more than may be.
func listItems(list json.RawMessage) ([]json.RawMessage, error) {
	decoder := json.NewDecoder(bytes.NewReader(list))
	if start, err := decoder.Token(); err != nil || start != json.Delim('[') {
		return nil, malformed("tokens must be a list of requests")
	}
	var items []json.RawMessage
	for decoder.More() {
		if len(items) == maxList {
			return nil, malformed("tokens has more than %d requests", maxList)
		}
		var item json.RawMessage
		if err := decoder.Decode(&item); err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	if len(items) == 0 {
		return nil, malformed("tokens has no requests")
	}
	return items, nil
}
