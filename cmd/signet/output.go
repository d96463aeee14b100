package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// output is the flag -o: a table for people, or JSON for programs.
type output string

const (
	outputTable output = "table"
	outputJSON  output = "json"
)

func (o *output) add(cmd *cobra.Command) {
	cmd.Flags().StringVarP((*string)(o), "output", "o", string(outputTable), "table or json")
}

func (o output) check() error {
	if o != outputTable && o != outputJSON {
		return usage("-o %s: use table or json", string(o))
	}
	return nil
}

func encodeJSON(out io.Writer, v any) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// table aligns the cells of its rows.
type table struct{ *tabwriter.Writer }

func newTable(out io.Writer) table { return table{tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)} }

func (t table) row(cells ...string) {
	_, _ = fmt.Fprintln(t, strings.Join(cells, "\t")) // Flush tells the error
}
