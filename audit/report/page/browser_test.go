package page_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"signet/audit/report"
	reportpage "signet/audit/report/page"
)

// browser starts a Chromium that ends with the test.
func browser(t *testing.T) context.Context {
	t.Helper()
	var program string
	for _, name := range []string{"chromium", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			program = found
			break
		}
	}
	if program == "" {
		if os.Getenv("SIGNET_TEST_STRICT") != "" {
			t.Fatal("no chromium and no google-chrome: install one (apt-get install chromium)")
		}
		t.Skip("no chromium and no google-chrome")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox,
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.WSURLReadTimeout(time.Minute))
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting %s: %v", program, err)
	}
	return ctx
}

// heard is what a page said and asked for.
type heard struct {
	mu       sync.Mutex
	said     []string
	requests []string
}

func (h *heard) listen(ctx context.Context) error {
	return chromedp.Listen(ctx, func(event any) {
		h.mu.Lock()
		defer h.mu.Unlock()
		switch e := event.(type) {
		case *runtime.EventConsoleAPICalled:
			h.said = append(h.said, fmt.Sprint("console ", e.Type, " ", e.Args))
		case *runtime.EventExceptionThrown:
			h.said = append(h.said, "exception: "+e.ExceptionDetails.Text)
		case *log.EventEntryAdded:
			h.said = append(h.said, fmt.Sprint("log ", e.Entry.Level, " ", e.Entry.Text))
		case *network.EventRequestWillBeSent:
			h.requests = append(h.requests, e.Request.URL)
		case *page.EventJavascriptDialogOpening:
			h.said = append(h.said, "dialog: "+e.Message)
		}
	})
}

// box is where an element stands, in pixels of the page.
type box struct{ Left, Top, Right, Bottom float64 }

func (b *box) overlaps(o *box) bool {
	const hair = 0.5
	return b.Left < o.Right-hair && o.Left < b.Right-hair && b.Top < o.Bottom-hair && o.Top < b.Bottom-hair
}

type plotBox struct {
	ID     string
	Box    box
	Labels []labelBox
	Marks  int
}

type labelBox struct {
	Text string
	Box  box
}

// measure asks for the boxes of all plots and of all that is written in them.
const measure = `(() => {
  const box = e => { const b = e.getBoundingClientRect(); return {Left: b.left + scrollX, Top: b.top + scrollY, Right: b.right + scrollX, Bottom: b.bottom + scrollY}; };
  return [...document.querySelectorAll("svg")].map(s => ({
    ID: s.id, Box: box(s), Marks: [...s.querySelectorAll("rect")].filter(r => r.getBoundingClientRect().width > 0 && r.getBoundingClientRect().height > 0).length,
    Labels: [...s.querySelectorAll("text")].map(t => ({Text: t.textContent, Box: box(t)})),
  }));
})()`

func TestPageInBrowser(t *testing.T) {
	h := month(t)
	h.Break(report.Break{Replica: "signet-0", File: "records.jsonl", Line: 41, Problem: "record seq 40 was changed"})
	broken := render(t, h.Report())
	pages := map[string][]byte{
		"/month": render(t, month(t).Report()), "/broken": broken,
		"/empty": render(t, newHistory(begin).Report()), "/small": render(t, small(t)),
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write(pages[r.URL.Path])
	}))
	t.Cleanup(server.Close)
	ctx := browser(t)
	var h2 heard
	if err := h2.listen(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	asked := 0
	for name, plots := range map[string]int{"/month": 7, "/broken": 7, "/small": 6, "/empty": 0} {
		for _, v := range []view{{400, "light"}, {400, "dark"}, {1400, "light"}, {1400, "dark"}, {paper, "print"}} {
			asked++
			look(t, ctx, server.URL+name, v, plots)
		}
	}
	h2.mu.Lock()
	defer h2.mu.Unlock()
	if len(h2.said) > 0 {
		t.Errorf("the page said %q", h2.said)
	}
	for _, url := range h2.requests {
		if !strings.HasPrefix(url, server.URL+"/") && url != "data:," {
			t.Errorf("the page asked for %s", url)
		}
	}
	if len(h2.requests) < asked {
		t.Errorf("%d requests were heard of %d pages: the test is deaf", len(h2.requests), asked)
	}
}

// view is one way to look at a page: light or dark on a screen, or print.
type view struct {
	width int64
	as    string
}

// paper is the width of a sheet of A4 without its margins, in CSS pixels.
const paper = 718

// look opens a page and checks where everything stands.
func look(t *testing.T, ctx context.Context, url string, v view, want int) { //nolint:revive // context-as-argument: testing.T comes first
	t.Helper()
	name := fmt.Sprintf("%s-%d-%s", path.Base(url), v.width, v.as)
	media := emulation.SetEmulatedMediaParams{Media: "screen", Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: v.as}}}
	if v.as == "print" {
		media = emulation.SetEmulatedMediaParams{Media: "print"}
	}
	if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, media); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(v.width, 900), chromedp.Navigate(url)); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	plots := ask(t, ctx, chromedp.Evaluate[[]plotBox](measure))
	scroll := ask(t, ctx, chromedp.Evaluate[int64](`document.documentElement.scrollWidth`))
	h1 := ask(t, ctx, chromedp.Evaluate[int64](`document.querySelectorAll("h1").length`))
	shot := ask(t, ctx, chromedp.FullScreenshot(100))
	save(t, name+".png", shot)
	if scroll > v.width || h1 != 1 {
		t.Errorf("%s: the page is %v pixels wide and has %v h1", name, scroll, h1)
	}
	if len(plots) != want {
		t.Errorf("%s: %d plots instead of %d", name, len(plots), want)
	}
	for i := range plots {
		checkPlot(t, name, &plots[i], float64(v.width))
	}
}

// ask returns what an action finds.
func ask[T any](t *testing.T, ctx context.Context, a chromedp.Action[T]) T { //nolint:revive // context-as-argument: testing.T comes first
	t.Helper()
	found, err := chromedp.Run(ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func checkPlot(t *testing.T, name string, p *plotBox, width float64) {
	t.Helper()
	if p.Box.Right-p.Box.Left <= 0 || p.Box.Bottom-p.Box.Top <= 0 || p.Box.Left < 0 || math.Floor(p.Box.Right) > width {
		t.Errorf("%s: plot %s stands at %+v", name, p.ID, p.Box)
	}
	if p.Marks == 0 || len(p.Labels) == 0 {
		t.Errorf("%s: plot %s has %d marks and %d labels", name, p.ID, p.Marks, len(p.Labels))
	}
	for i := range p.Labels {
		a := &p.Labels[i]
		if a.Box.Left < p.Box.Left-0.5 || a.Box.Right > p.Box.Right+0.5 || a.Box.Top < p.Box.Top-0.5 || a.Box.Bottom > p.Box.Bottom+0.5 {
			t.Errorf("%s: plot %s: %q at %+v leaves %+v", name, p.ID, a.Text, a.Box, p.Box)
		}
		for j := range i {
			if b := &p.Labels[j]; a.Box.overlaps(&b.Box) {
				t.Errorf("%s: plot %s: %q and %q stand on each other", name, p.ID, a.Text, b.Text)
			}
		}
	}
}

// save keeps a screenshot for people.
func save(t *testing.T, name string, shot []byte) {
	t.Helper()
	dir := os.Getenv("SIGNET_SCREENSHOTS")
	if dir == "" {
		dir = t.TempDir()
	}
	if err := os.WriteFile(filepath.Join(dir, name), shot, 0o600); err != nil {
		t.Fatal(err)
	}
}

func render(t *testing.T, r *report.Report) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := reportpage.Write(&out, r); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
