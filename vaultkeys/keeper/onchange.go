package keeper

import "log/slog"

// onChange logs a failure when it begins and when its kind changes, and its
// end: an outage of a night is a few lines.
type onChange struct {
	log  *slog.Logger
	last map[string]string // what is failing -> how
}

func (o *onChange) see(id, kind string, err error, args ...any) {
	last, failing := o.last[id]
	switch {
	case err == nil && failing:
		delete(o.last, id)
		o.log.Info("keeper: works again", args...)
	case err != nil && (!failing || last != kind):
		if o.last == nil {
			o.last = map[string]string{}
		}
		o.last[id] = kind
		o.log.Warn("keeper: failing, and trying again each round", append(args, "reason", kind, "error", err)...)
	}
}
