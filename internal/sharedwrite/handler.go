package sharedwrite

import (
	"context"
	"log/slog"
)

// handler is a slog.Handler whose lines go to a Writer.
type handler struct {
	slog.Handler

	lines *Writer
	waits func(*slog.Record) bool
}

// JSON writes JSON lines from a level on. What waits says may wait; everything
// else is written at once, and with it what came before: it may be the last that
// a process says.
func JSON(w *Writer, level slog.Leveler, waits func(*slog.Record) bool) slog.Handler {
	return &handler{slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}), w, waits}
}

// Handle writes a record.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	err := h.Handler.Handle(ctx, r)
	if !h.waits(&r) {
		h.lines.Flush()
	}
	return err //nolint:wrapcheck // it is a slog.Handler
}

// WithAttrs and WithGroup keep what Handle adds.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &handler{h.Handler.WithAttrs(attrs), h.lines, h.waits}
}

// WithGroup is like WithAttrs.
func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{h.Handler.WithGroup(name), h.lines, h.waits}
}
