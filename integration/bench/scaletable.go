package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"signet/integration/bench/growth"
	"signet/internal/grouped"
)

// scaleMark names the part of a page that the tables of scale go to.
const scaleMark = "bench-scale"

// scaleTable is one table with what is said above it.
type scaleTable struct {
	title string
	rows  [][]string
}

func (r *scaleResult) tables() []scaleTable {
	var all []scaleTable
	if len(r.Units) > 0 {
		all = append(all, scaleTable{"**One of each**, at one replica:", unitRows(r.Units)})
	}
	for _, a := range r.Axes {
		all = append(all, scaleTable{fmt.Sprintf("**By %s**: %s.", a.Name, a.Note), a.Rows()})
	}
	if rows := capacityRows(r); rows != nil {
		all = append(all, scaleTable{fmt.Sprintf("**%s tokens a second**: arithmetic from the first table, no measurement:", grouped.Thousands(plannedRate)), rows})
	}
	return all
}

func (r *scaleResult) machine() string {
	return fmt.Sprintf("%d cores, shared with the load generator; %s; Vault with a file audit device and Redis on the same machine.", r.CPUs, r.Go)
}

func printScale(out io.Writer, r *scaleResult) error {
	_, _ = fmt.Fprintln(out, r.machine())
	for _, t := range r.tables() {
		_, _ = fmt.Fprintf(out, "\n%s\n", strings.NewReplacer("**", "", "`", "").Replace(t.title))
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		for _, row := range t.rows {
			_, _ = fmt.Fprintln(w, strings.Join(row, "\t")+"\t")
		}
		if err := flush(w); err != nil {
			return err
		}
	}
	return nil
}

// markdown is the same for a page.
func (r *scaleResult) markdown() string {
	var b strings.Builder
	b.WriteString(r.machine() + "\n")
	for _, t := range r.tables() {
		b.WriteString("\n" + t.title + "\n\n" + growth.Markdown(t.rows))
	}
	return b.String()
}

// writePage puts the tables into a page that has the marks for them.
func (r *scaleResult) writePage(path string) error {
	page, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading the page: %w", err)
	}
	filled, err := growth.Fill(string(page), scaleMark, r.markdown())
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := os.WriteFile(path, []byte(filled), 0o644); err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	return nil
}
