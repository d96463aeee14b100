package vaultlog

import (
	"bytes"
	"encoding/json"
)

// maxDepth of values that the fast parser follows; Vault's lines have 6 levels.
const maxDepth = 64

// cursor walks over a line of compact JSON and checks all of it. What it does
// not expect (blanks, a name twice or with escapes, deep nesting, an error) it
// calls bad, and leaves to encoding/json to judge.
type cursor struct {
	b   []byte
	i   int
	bad bool
}

// fast fills f from a line and says whether it could. Where it can, the outcome
// is that of [fields.slow].
func (f *fields) fast(line []byte) bool {
	f.reset()
	c := cursor{b: line}
	f.top(&c)
	return !c.bad && c.i == len(line)
}

// peek is the byte at the cursor, 0 at the end.
func (c *cursor) peek() byte {
	if c.i < len(c.b) {
		return c.b[c.i]
	}
	return 0
}

// next goes to the value of an object's next member, and is nil after the last.
// The cursor stands at the object's brace, or after a value.
func (c *cursor) next() (name []byte) {
	if c.bad {
		return nil
	}
	i, b := c.i, c.b
	if i >= len(b) {
		c.bad = true
		return nil
	}
	switch b[i] {
	case '}':
		c.i++
		return nil
	case '{':
		if !c.begins() {
			c.bad = true
			return nil
		}
		if i+1 < len(b) && b[i+1] == '}' {
			c.i += 2
			return nil
		}
	case ',':
	default:
		c.bad = true
		return nil
	}
	if i+2 >= len(b) || b[i+1] != '"' {
		c.bad = true
		return nil
	}
	end, plain := scanString(b, i+2)
	if !plain || end+1 >= len(b) || b[end+1] != ':' {
		c.bad = true
		return nil
	}
	c.i = end + 2
	return b[i+2 : end]
}

// begins says that a value may begin at the cursor, and not that one has just
// ended: what comes before tells the two apart.
func (c *cursor) begins() bool {
	return c.i == 0 || c.b[c.i-1] == ':' || c.b[c.i-1] == ',' || c.b[c.i-1] == '['
}

// once marks a name as seen; a second time is for encoding/json.
func (c *cursor) once(seen *uint, bit uint) {
	if *seen&(1<<bit) != 0 {
		c.bad = true
	}
	*seen |= 1 << bit
}

// text is the value at the cursor as [textOf] has it.
func (c *cursor) text() []byte {
	if c.peek() == '"' {
		end, plain := scanString(c.b, c.i+1)
		if end < 0 {
			c.bad = true
			return nil
		}
		raw := c.b[c.i : end+1]
		c.i = end + 1
		if plain {
			return raw[1 : len(raw)-1 : len(raw)-1]
		}
		return textOf(raw)
	}
	return textOf(c.value())
}

// value is the raw value at the cursor.
func (c *cursor) value() json.RawMessage {
	from := c.i
	if c.skip(0); c.bad {
		return nil
	}
	return c.b[from:c.i:c.i]
}

// skip goes over a value and checks it.
func (c *cursor) skip(depth int) {
	if depth > maxDepth {
		c.bad = true
	}
	if c.bad {
		return
	}
	switch c.peek() {
	case '"':
		end, _ := scanString(c.b, c.i+1)
		c.moveTo(end + 1)
	case '{':
		for name := c.next(); name != nil; name = c.next() {
			c.skip(depth + 1)
		}
	case '[':
		for c.element() {
			c.skip(depth + 1)
		}
	case 't':
		c.literal("true")
	case 'f':
		c.literal("false")
	case 'n':
		c.literal("null")
	default:
		c.moveTo(scanNumber(c.b, c.i))
	}
}

// moveTo goes to i; 0 and -1 stand for an error.
func (c *cursor) moveTo(i int) {
	if i <= 0 {
		c.bad = true
		return
	}
	c.i = i
}

func (c *cursor) literal(want string) {
	if !bytes.HasPrefix(c.b[c.i:], []byte(want)) {
		c.bad = true
		return
	}
	c.i += len(want)
}

// element goes to the next value of an array. The cursor stands at the array's
// bracket, or after a value.
func (c *cursor) element() bool {
	if c.bad {
		return false
	}
	switch c.peek() {
	case ']':
		c.i++
		return false
	case '[':
		if !c.begins() {
			c.bad = true
			return false
		}
		c.i++
		if c.peek() == ']' {
			c.i++
			return false
		}
	case ',':
		c.i++
	default:
		c.bad = true
		return false
	}
	return true
}
