package vaultlog

import (
	"encoding/binary"
	"encoding/json"
	"math/bits"
	"strconv"
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// scanString finds the end of a JSON string whose first byte after the opening
// quote is b[i]: the index of the closing quote, or -1 if this is no valid
// string. plain says that its bytes are its text: ASCII without escapes.
//
// It looks at eight bytes at a time for one that matters: a quote, a backslash,
// a control character or one that is not ASCII. The lowest bit found is exact;
// the ones above it may be carries.
func scanString(b []byte, i int) (end int, plain bool) {
	// Most texts of an answer are hashes, and what is one needs fewer looks.
	if end := i + hashLen; end < len(b) && b[end] == '"' && Hashed(b[i:end]) {
		return end, true
	}
	plain = true
	for {
		for i+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[i:])
			quote, slash := w^(ones*'"'), w^(ones*'\\')
			m := ((quote - ones) &^ quote) | ((slash - ones) &^ slash) | ((w - ones*0x20) &^ w) | w
			if m &= highs; m != 0 {
				i += bits.TrailingZeros64(m) >> 3
				break
			}
			i += 8
		}
		if i >= len(b) {
			return -1, false
		}
		switch c := b[i]; {
		case c == '"':
			return i, plain
		case c == '\\':
			n := escapeLen(b[i:])
			if n == 0 {
				return -1, false
			}
			plain, i = false, i+n
		case c < 0x20:
			return -1, false
		default:
			plain, i = plain && c < 0x80, i+1
		}
	}
}

// isHex says that all bytes are hex digits, without capitals. It looks at eight at
// a time: a digit is at or above one or three of the four bounds, so that an odd
// number of the sums reach 0x80.
func isHex(b *[64]byte) bool {
	const (
		from0 = ones * (0x80 - '0')
		past9 = ones * (0x80 - '9' - 1)
		fromA = ones * (0x80 - 'a')
		pastF = ones * (0x80 - 'f' - 1)
	)
	all, high := uint64(highs), uint64(0)
	for i := 0; i < len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		high |= w // no sum has a carry unless a byte is not ASCII
		all &= (w + from0) ^ (w + past9) ^ (w + fromA) ^ (w + pastF)
	}
	return all == highs && high&highs == 0
}

// escapeLen is the length of the escape that b begins with, 0 if it is none.
func escapeLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(b) < 6 {
			return 0
		}
		for _, c := range b[2:6] {
			if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
				return 0
			}
		}
		return 6
	}
	return 0
}

// scanNumber is the index after the JSON number at b[i], or -1.
func scanNumber(b []byte, i int) int {
	if i < len(b) && b[i] == '-' {
		i++
	}
	switch {
	case i < len(b) && b[i] == '0':
		i++
	default:
		if i = digits(b, i); i < 0 {
			return -1
		}
	}
	if i < len(b) && b[i] == '.' {
		if i = digits(b, i+1); i < 0 {
			return -1
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		i = digits(b, i)
	}
	return i
}

// digits is the index after one or more digits at b[i], or -1.
func digits(b []byte, i int) int {
	from := i
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	if i == from {
		return -1
	}
	return i
}

// textOf is the text of a JSON value: what a string says, nil for null and for
// nothing, and the JSON itself for everything else. raw must be valid.
func textOf(raw json.RawMessage) []byte {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	if raw[0] != '"' {
		return raw
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return nil // cannot happen: raw is valid
	}
	return []byte(s)
}

// intOf is a text's number, 0 for whatever is none.
func intOf(text []byte) int {
	if len(text) == 0 || len(text) > 9 {
		return 0
	}
	n, err := strconv.Atoi(string(text))
	if err != nil {
		return 0
	}
	return n
}
