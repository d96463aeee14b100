// Command rotationsvg draws docs/key-rotation.svg: the timeline of two
// rollovers, worked out by package lifecycle with the configuration's defaults.
// `make docs` runs it, and a test here fails if the picture is not what it draws.
//
// It is a tool for documentation and no part of the signet binary.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	out := flag.String("o", "docs/key-rotation.svg", "the file to write")
	flag.Parse()
	if err := os.WriteFile(*out, draw(run(defaults())), 0o644); err != nil { //nolint:gosec // G306: a public picture
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
