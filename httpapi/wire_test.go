package httpapi_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// answer is what a connection shows beyond httptest's recorder.
type answer struct {
	status            int
	continued, closes bool
}

// wire sends a text over a real connection to the public handler. What comes
// behind <wait> is sent after 100 Continue only.
func (h *house) wire(text string) answer {
	h.t.Helper()
	server := httptest.NewUnstartedServer(h.public)
	server.Config.MaxHeaderBytes = 16 << 10
	server.Start()
	h.t.Cleanup(server.Close)
	conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(h.t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		h.t.Fatal(err)
	}
	head, body, waits := strings.Cut(text, "<wait>")
	if _, err := conn.Write([]byte(head)); err != nil {
		h.t.Fatal(err)
	}
	reader := bufio.NewReader(conn)
	continued := false
	response, err := http.ReadResponse(reader, nil)
	if err == nil && response.StatusCode == http.StatusContinue && waits {
		continued = true
		if _, err := conn.Write([]byte(body)); err != nil {
			h.t.Fatal(err)
		}
		response, err = http.ReadResponse(reader, nil)
	}
	if err != nil {
		h.t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // it is only read
	return answer{response.StatusCode, continued, response.Close}
}

func TestOnTheWire(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const form = "grant_type=client_credentials"
	head := "POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Type: " + formType + "\r\nAuthorization: " + basic("orders", h.secrets["orders"]) + "\r\n"
	length := fmt.Sprintf("Content-Length: %d\r\n", len(form))
	for name, c := range map[string]struct {
		text      string
		status    int
		continued bool
		closes    bool
	}{
		"plain":                     {text: head + length + "\r\n" + form, status: 200},
		"chunked":                   {text: head + "Transfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(form), form), status: 200},
		"no length":                 {text: head + "\r\n", status: 400}, // no body, that is (RFC 9112 section 6.3)
		"length 0":                  {text: head + "Content-Length: 0\r\n\r\n", status: 400},
		"expect":                    {text: head + length + "Expect: 100-continue\r\n\r\n<wait>" + form, status: 200, continued: true},
		"expect, too large":         {text: head + "Content-Length: 70000\r\nExpect: 100-continue\r\n\r\n<wait>", status: 413, closes: true},
		"expect, wrong type":        {text: "POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n" + length + "Expect: 100-continue\r\n\r\n<wait>", status: 415, closes: true},
		"chunked, too large":        {text: head + "Transfer-Encoding: chunked\r\n\r\n11170\r\n" + strings.Repeat("a", 70_000) + "\r\n0\r\n\r\n", status: 413, closes: true},
		"HTTP/1.0":                  {text: strings.Replace(head, "1.1", "1.0", 1) + length + "\r\n" + form, status: 200, closes: true},
		"absolute form":             {text: strings.Replace(head, "POST /", "POST http://x/", 1) + length + "\r\n" + form, status: 200},
		"two lengths":               {text: head + length + "Content-Length: 3\r\n\r\n" + form, status: 400, closes: true},
		"length and chunked":        {text: head + length + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", status: 400}, // chunked counts: an empty body
		"huge headers":              {text: head + "X: " + strings.Repeat("a", 64<<10) + "\r\n\r\n", status: 431, closes: true},
		"NUL in a header":           {text: head + "X: \x00\r\n\r\n", status: 400, closes: true},
		"space before the colon":    {text: head + "Authorization : x\r\n\r\n", status: 400, closes: true},
		"OPTIONS *":                 {text: "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", status: 200},
		"TRACE":                     {text: "TRACE /oauth2/token HTTP/1.1\r\nHost: x\r\nAuthorization: IN-THE-HEADER\r\n\r\n", status: 405},
		"an upgrade to HTTP/2":      {text: strings.TrimSuffix(head, "\r\n") + "\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n" + length + "\r\n" + form, status: 200},
		"trailer with a credential": {text: head + "Transfer-Encoding: chunked\r\nTrailer: X-Request-Id\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\nX-Request-Id: a b\r\n\r\n", len(form), form), status: 200},
	} {
		t.Run(name, func(t *testing.T) {
			h := &house{t: t, public: h.public}
			if got := h.wire(c.text); got.status != c.status || got.continued != c.continued || c.closes && !got.closes {
				t.Errorf("%+v", got)
			}
		})
	}
}

// Every path answers OPTIONS with what it takes; there is no CORS for what needs
// a secret.
func TestOptions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for path, allow := range map[string]string{
		"/oauth2/token": "OPTIONS, POST", "/v1/tokens": "OPTIONS, POST", jwksPath: "OPTIONS, GET, HEAD",
	} {
		r := request(http.MethodOptions, path, "")
		r.Header.Set("Origin", "https://evil.example.com")
		r.Header.Set("Access-Control-Request-Method", "POST")
		w := h.send(r)
		if w.Code != http.StatusNoContent || w.Header().Get("Allow") != allow || w.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: status %d, headers %v", path, w.Code, w.Header())
		}
	}
	h.refused(h.send(request(http.MethodOptions, "/nowhere", "")), 404, "not_found")
	if w := h.post("orders", "/oauth2/token", "grant_type", "client_credentials"); w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Error("a page of any origin may read tokens")
	}
}
