package page_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/net/html"

	"signet/audit"
	"signet/audit/report"
)

var update = flag.Bool("update", false, "write the golden files anew")

// small is an hour of one replica.
func small(t *testing.T) *report.Report {
	t.Helper()
	h := newHistory(begin.Add(2*hour), report.Ring{Name: "signet-es256", Policy: policy})
	h.add(begin, "signet-0", audit.Record{Event: audit.EventStart})
	for i := range 5 {
		h.sign(begin.Add(time.Duration(i)*13*time.Minute), "signet-0", audit.Record{
			Event: audit.EventToken, ClientID: hostile[0], Grant: "client_credentials", Audience: []string{"https://api.example.com"},
			Ring: "signet-es256", KeyVersion: 1 + i/3,
		}, audit.OutcomeIssued)
	}
	h.add(begin.Add(30*time.Minute), "signet-0", audit.Record{Event: audit.EventRefresh, Kind: "reuse", SID: "c2Vzc2lvbg", ClientID: "login"})
	h.KeyRequest(&report.KeyRequest{
		Time: begin.Add(20 * time.Minute), Key: "signet-es256", Action: report.Rotate, RequestID: "5f0c", DisplayName: "approle", EntityID: "e-1",
		State: &report.KeyState{Latest: 2, MinDecryption: 1, Created: map[int]time.Time{1: begin.Add(-hour), 2: begin.Add(20 * time.Minute)}},
	})
	h.VaultLog(begin, begin.Add(hour))
	h.Note("made for a test")
	return h.Report()
}

func TestGoldenHTML(t *testing.T) {
	got := render(t, small(t))
	path := filepath.Join("testdata", "small.html")
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("the page is another than %s: look at it, then run with -update", path)
	}
}

// walk visits all elements.
func walk(n *html.Node, visit func(*html.Node)) {
	if n.Type == html.ElementNode {
		visit(n)
	}
	for child := range n.ChildNodes() {
		walk(child, visit)
	}
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// TestForeignTextIsOnlyText: whatever clients and subjects call themselves, it
// stays text, and nothing of the page is fetched from anywhere.
func TestForeignTextIsOnlyText(t *testing.T) {
	page := render(t, month(t).Report())
	for _, char := range string(page) {
		if char != '\n' && !unicode.IsPrint(char) {
			t.Fatalf("the page has a %U", char)
		}
	}
	doc, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	allowed := strings.Fields("html head meta link title style body main header h1 h2 p code section dl div dt dd span ul li " +
		"table caption thead tbody tr th td bdi svg desc rect line text")
	walk(doc, func(n *html.Node) {
		if !slices.Contains(allowed, n.Data) {
			t.Errorf("an element %s", n.Data)
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "src" || a.Key == "style" || a.Key == "href" && a.Val != "data:," {
				t.Errorf("an attribute %s=%q", a.Key, a.Val)
			}
		}
	})
	for _, text := range []string{`&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;`, `pay\u202eolleh\u202c\u200b`} {
		if !bytes.Contains(page, []byte(text)) {
			t.Errorf("%s is not shown", text)
		}
	}
}

// TestAccessible: plots have their words, and tables their headings.
func TestAccessible(t *testing.T) {
	doc, err := html.Parse(bytes.NewReader(render(t, month(t).Report())))
	if err != nil {
		t.Fatal(err)
	}
	ids, labelledBy, plots := map[string]bool{}, []string{}, 0
	walk(doc, func(n *html.Node) {
		if id := attribute(n, "id"); id != "" {
			if ids[id] {
				t.Errorf("two elements are called %s", id)
			}
			ids[id] = true
		}
		labelledBy = append(labelledBy, strings.Fields(attribute(n, "aria-labelledby"))...)
		switch n.Data {
		case "th":
			if scope := attribute(n, "scope"); scope != "col" && scope != "row" {
				t.Errorf("a heading of a table has the scope %q", scope)
			}
		case "svg":
			if plots++; attribute(n, "role") != "img" || attribute(n, "aria-labelledby") == "" {
				t.Errorf("plot %s has no words", attribute(n, "id"))
			}
		case "desc":
			if n.FirstChild == nil || len(n.FirstChild.Data) < 10 {
				t.Error("an empty description")
			}
		}
	})
	for _, id := range labelledBy {
		if !ids[id] {
			t.Errorf("nothing is called %s", id)
		}
	}
	if plots == 0 {
		t.Error("no plots")
	}
}

func TestWhatIsSaidAtTheTop(t *testing.T) {
	broken := month(t)
	broken.Break(report.Break{Replica: "signet-0", File: "records.jsonl", Line: 41, Problem: "record seq 40 was changed"})
	for name, c := range map[string]struct {
		report  *report.Report
		has     []string
		hasNone []string
	}{
		"broken": {broken.Report(), []string{`role="alert"`, "broken in 1 place", "signet audit reconcile", "record seq 40 was changed"}, []string{"intact"}},
		"intact": {month(t).Report(), []string{">intact<", "24,693", "11 reuses"}, []string{`role="alert"`}},
		"empty":  {newHistory(begin).Report(), []string{"nothing was counted", "no records were read", "age unknown", "Vault&#39;s log was not read"}, []string{"<svg", ">OK<"}},
	} {
		page := string(render(t, c.report))
		for _, text := range c.has {
			if !strings.Contains(page, text) {
				t.Errorf("%s: %q is not said", name, text)
			}
		}
		for _, text := range c.hasNone {
			if strings.Contains(page, text) {
				t.Errorf("%s: %q is said", name, text)
			}
		}
	}
}

// TestManyPeriodsAndVersions: what cannot be drawn apart is drawn together, and
// nothing is lost by it.
func TestManyPeriodsAndVersions(t *testing.T) {
	h := &history{report.New(report.Config{Now: begin, Unit: report.Hour}), map[string]uint64{}}
	const hours = 5000
	for i := range hours {
		h.sign(begin.Add(time.Duration(i)*hour), "signet-0", audit.Record{Event: audit.EventToken, ClientID: "a", Ring: "es", KeyVersion: 1 + i/100}, audit.OutcomeIssued)
	}
	page := string(render(t, h.Report()))
	if n := strings.Count(page, `<rect class="mark c`); n > 300 {
		t.Errorf("%d marks are drawn", n)
	}
	for _, text := range []string{"a row for every 53 hours", "and 38 older", ">5,000<"} {
		if !strings.Contains(page, text) {
			t.Errorf("%q is not said", text)
		}
	}
}
