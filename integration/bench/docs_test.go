package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"signet/integration/bench/growth"
)

// TestPageHasTargets: docs/performance.md has a row for each target, and no other,
// and each line of the table that is measured.
func TestPageHasTargets(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../docs/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(raw)
	const head = "| figure | connections | target | beyond it |\n|---|---|---|---|\n"
	_, table, ok := strings.Cut(page, head)
	table, _, _ = strings.Cut(table, "\n\n")
	if !ok || strings.Count(table, "\n")+1 != len(targets) {
		t.Errorf("%d rows, want %d", strings.Count(table, "\n")+1, len(targets))
	}
	for i := range targets {
		x := &targets[i]
		word := map[bool]string{true: "at least", false: "at most"}[x.least]
		must, beyond := "", ""
		if x.must > 0 {
			must = fmt.Sprintf("%s %g", word, x.must)
		}
		if x.beyond > 0 {
			beyond = fmt.Sprintf("%g", x.beyond)
		}
		if row := fmt.Sprintf("| %s | %d | %s | %s |", x.name, x.of.connections, must, beyond); !strings.Contains(table, row) {
			t.Errorf("no row %s", row)
		}
	}
	for _, name := range []string{direct, batches, inProcess, credentials, refreshing, issuing, lists, introspect, jwkSet, static} {
		if !strings.Contains(page, "`"+name+"`") {
			t.Errorf("nothing says what %s is", name)
		}
	}
}

// TestCapacityTables: the page's tables are of this program, and not of one that
// measured something else.
func TestCapacityTables(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/capacity.md")
	if err != nil {
		t.Fatal(err)
	}
	sizes := (&scaleConfig{}).sizes()
	heads := [][]string{unitRows(nil)[0]}
	for name, all := range map[string][]int{
		"replicas": sizes.replicas, "clients in the file": sizes.clients, "rings": sizes.rings, "connections": sizes.connections,
	} {
		axis := &growth.Axis{Name: name, Sizes: all}
		heads = append(heads, axis.Rows()[0])
	}
	for _, head := range heads {
		if row := "| " + strings.Join(head, " | ") + " |\n"; !strings.Contains(string(page), row) {
			t.Errorf("no table %s: make bench-scale ARGS='-page docs/capacity.md' writes them", row)
		}
	}
}

// TestCapacityPage: the page takes the tables of scale, and what it says to watch is
// a metric.
func TestCapacityPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/capacity.md")
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := growth.Fill(string(page), scaleMark, "x"); err != nil {
		t.Error(err)
	}
	if want := fmt.Sprintf("at most %g for every cost, and %g for", growth.Most, growth.MostFlat); !strings.Contains(string(page), want) {
		t.Errorf("the page does not say %q", want)
	}
	for _, name := range regexp.MustCompile(`signet_[a-z_]+`).FindAllString(string(page), -1) {
		name = strings.TrimSuffix(strings.TrimSuffix(name, "_sum"), "_count")
		if !strings.Contains(string(metrics), name) {
			t.Errorf("%s is no metric", name)
		}
	}
	for _, kind := range kindsMeasured {
		if !strings.Contains(string(page), kind.series) {
			t.Errorf("no figures of %s", kind.series)
		}
	}
}
