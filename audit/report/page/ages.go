package page

import (
	"fmt"
	"strconv"
	"strings"

	"signet/audit/report"
	"signet/internal/grouped"
)

// verdicts are how an age is called.
var verdicts = map[report.Verdict]struct{ text, class string }{
	report.WithinLimits:       {"OK", "good"},
	report.UnknownAge:         {"age unknown", "warn"},
	report.OverRotationPeriod: {"over the rotation period", "warn"},
	report.OverCryptoperiod:   {"OVER THE CRYPTOPERIOD", "bad"},
}

// sources are how people call who told of a key.
var sources = map[report.Source]string{
	report.FromVault: "Vault", report.FromLog: "Vault's log", report.FromRecords: "the records",
}

func ageSection(k *report.Keys) section {
	s := section{
		ID: "ages", Title: "Key ages", Wide: true,
		Lead: "The age of each key version against its ring's rotation period and the cryptoperiod of two years (NIST SP 800-57). " +
			"A version that only verifies is not judged, but for its age at its last token.",
		Legend: []legendEntry{{"good", "within limits"}, {"warn", "over the rotation period"}, {"bad", "over the cryptoperiod"}, {"idle", "signs no more"}, {"limit", "rotation period"}},
		Plot:   agePlot(k), Tables: []table{ageTable(k)},
	}
	return s
}

func agePlot(k *report.Keys) *plot {
	const row, top = 36, 24
	var shown []report.VersionAge
	for _, v := range k.Versions {
		if v.AgeSeconds != nil && len(shown) < barsMax {
			shown = append(shown, v)
		}
	}
	if len(shown) == 0 {
		return nil
	}
	scale := float64(k.CryptoperiodSeconds) * 1.04
	for _, v := range shown {
		scale = max(scale, float64(*v.AgeSeconds)*1.04)
	}
	p := &plot{ID: "ages-plot", Title: "Key ages against the cryptoperiod", Height: top + row*len(shown) + 4}
	place := func(seconds int64) string { return percent(100 * float64(seconds) / scale) }
	limit := place(k.CryptoperiodSeconds)
	p.Texts = append(p.Texts, label{limit, 12, "end", "soft", "cryptoperiod: " + age(k.CryptoperiodSeconds)})
	var desc []string
	for i, v := range shown {
		y := top + i*row
		name := fmt.Sprintf("%s v%d", fit(v.Ring, 130), v.Version)
		if v.State != "" {
			name += " " + string(v.State)
		}
		old := age(*v.AgeSeconds)
		p.Texts = append(p.Texts, label{"0", y + 10, "start", "name", name}, label{percent(94), y + 10, "end", "soft", old})
		width := percent(max(0.4, 100*float64(*v.AgeSeconds)/scale))
		p.Rects = append(p.Rects, rect{"0", width, strconv.Itoa(y + 16), "12", "mark " + ageClass(&v), name + ": " + old})
		period := place(v.RotationPeriodSeconds)
		p.Lines = append(p.Lines, line{period, period, y + 14, y + 30, "limit"})
		desc = append(desc, name+": "+old+", "+verdicts[v.Verdict].text)
	}
	p.Lines = append(p.Lines, line{limit, limit, 16, p.Height - 2, "crypto"})
	p.Desc = strings.Join(desc, "; ") + "."
	return p
}

// ageClass is a bar's colour.
func ageClass(v *report.VersionAge) string {
	if v.Verdict == report.WithinLimits && v.State != "active" && v.State != "published" {
		return "idle"
	}
	return verdicts[v.Verdict].class
}

func ageTable(k *report.Keys) table {
	t := table{
		Caption: "Key versions",
		Head:    texts("Key version", "State", "Created (UTC)", "Age", "Rotation period", "Last token", "Age by then", "Verdict", "Told by"),
	}
	old := func(seconds *int64) string {
		if seconds == nil {
			return "unknown"
		}
		return age(*seconds)
	}
	for _, v := range k.Versions {
		last, then := text("none counted"), ""
		if !v.LastSigned.IsZero() {
			last, then = at(v.LastSigned), old(v.AgeLastSigned)
		}
		state := string(v.State)
		if state == "" {
			state = "not listed"
		}
		told := sources[v.Source]
		if !v.AsOf.IsZero() {
			told += ", " + moment(v.AsOf)
		}
		verdict := verdicts[v.Verdict]
		name := fmt.Sprintf("%s v%d", display(v.Ring, 60), v.Version)
		t.Rows = append(t.Rows, []field{
			text(name), text(state), at(v.CreatedAt), text(old(v.AgeSeconds)), text(age(v.RotationPeriodSeconds)),
			last, text(then),
			{Text: verdict.text, Class: verdict.class},
			text(told),
		})
	}
	return t
}

// changeSection lists who changed keys.
func changeSection(r *report.Report) section {
	s := section{ID: "changes", Title: "Rotations and other changes of keys", Lead: "From Vault's audit log, which names who asked. " +
		"The keeper and operators rotate, raise minimums and trim. min_decryption_version raised while tokens of an older version might live is an emergency: they end with it."}
	if r.Coverage.VaultLog == nil {
		s.Lead = "Vault's audit log was not read, so who changed keys is not known: give it with --vault-log."
		return s
	}
	who := table{Caption: "Rotations by who made them", Head: append(texts("Who"), numbers("Rotations")...)}
	made := r.Dimension(report.Rotations)
	for _, v := range made.Values {
		who.Rows = append(who.Rows, []field{text(display(v.Value, 160)), number(v.Total)})
	}
	if made.Others != nil {
		who.Rows = append(who.Rows, []field{text("others"), number(made.Others.Total)})
	}
	all := table{
		Caption: "Changes of keys",
		Head:    texts("Time (UTC)", "Key", "Change", "Detail", "By", "Entity", "Accessor", "Address", "Vault request"),
	}
	for i := range r.Keys.Changes.Listed {
		all.Rows = append(all.Rows, changeRow(&r.Keys.Changes.Listed[i]))
	}
	if n := r.Keys.Changes.LeftOut; n > 0 {
		all.Note = fmt.Sprintf("%s earlier ones are counted and not listed.", grouped.Thousands(n))
	}
	s.Tables = []table{who, all}
	return s
}

func changeRow(c *report.Change) []field {
	kind := field{Text: strings.ReplaceAll(string(c.Kind), "_", " ")}
	switch {
	case c.Kind.Alarm():
		kind.Class, kind.Text = "bad", "ALARM: "+kind.Text
	case c.Emergency:
		kind.Class, kind.Text = "warn", "emergency: "+kind.Text
	}
	if c.Unanswered {
		kind.Text += " (asked; the log has no answer)"
	}
	return []field{
		at(c.Time), text(display(c.Key, 60)), kind, text(display(c.Detail, 120)), text(display(c.DisplayName, 80)),
		hashed(c.EntityID), hashed(c.Accessor), text(display(c.RemoteAddress, 60)), text(display(c.RequestID, 60)),
	}
}
