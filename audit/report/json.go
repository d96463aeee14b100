package report

import (
	"encoding/json"
	"io"
)

// JSON writes all of it. Names and meanings stay; members may be added. What is
// not known is left out or null.
func (r *Report) JSON(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}
