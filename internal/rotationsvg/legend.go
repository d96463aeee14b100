package main

// legend says what the rows and colours mean.
func (p *picture) legend() {
	y := foot + 6
	x := 16
	for _, s := range []string{"published", "active", "retiring", "retired"} {
		p.printf("<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"14\" height=\"12\"/>\n", s, x, y)
		p.text(x+19, y+10, `class="small"`, s)
		x += 34 + 7*len(s)
	}
	x += 16
	p.printf("<rect class=\"copies\" x=\"%d\" y=\"%d\" width=\"14\" height=\"12\"/>\n", x, y)
	p.text(x+19, y+10, `class="small"`, "all replicas, all verifiers")
	x += 186
	p.printf("<rect class=\"copies partly\" x=\"%d\" y=\"%d\" width=\"14\" height=\"12\"/>\n", x, y)
	p.text(x+19, y+10, `class="small"`, "some: by their clock, or by when they fetched the set")
}

// table lists the events.
func (p *picture) table() {
	y := foot + 46
	for i, m := range p.line.marks(2) {
		p.number(25, y-4, i+1)
		p.text(44, y, `class="bold"`, clock(m.at))
		p.text(138, y, `class="soft"`, m.who)
		p.text(206, y, ``, m.what)
		p.text(462, y, `class="small soft"`, m.formula())
		y += 19
	}
	p.text(16, y+14, `class="bold"`, "Why nothing fails: every verifier's copy holds a version before the first replica signs with it (2 before 3),")
	p.text(16, y+31, `class="bold"`, "and for as long as a token of it is valid (5 before 6).")
}
