package strictyaml

import "bytes"

// maxKeys bounds the keys of one mapping, far beyond what any of ours has: the
// parser recurses by them, and takes time and memory with their square. A file
// of a single mapping as large as may be would keep a core busy for minutes.
const maxKeys = 1000

// keyCounts are the keys so far of the mappings that are open, by the column in
// which these begin.
type keyCounts [maxIndent + 1]int

// more counts a line, and says whether its mapping may have it. A line that is no
// key, such as one within a text, counts only where it looks like one.
func (k *keyCounts) more(line []byte) bool {
	line = bytes.TrimRight(line, "\r\n")
	column := 0
	for ; column < len(line) && (line[column] == ' ' || line[column] == '\t' || begins(line[column:])); column++ {
		if line[column] == '-' || line[column] == '?' {
			clear(k[column+1:]) // another item: what was within the one before has ended
		}
	}
	content := line[column:]
	if len(content) == 0 || content[0] == '#' {
		return true
	}
	clear(k[column+1:])
	if content[len(content)-1] == ':' || bytes.Contains(content, []byte(": ")) || bytes.Contains(content, []byte(":\t")) {
		k[column]++
	}
	return k[column] <= maxKeys
}

// begins says whether text begins with the mark of an item or of a key.
func begins(text []byte) bool {
	return (text[0] == '-' || text[0] == '?') && (len(text) == 1 || text[1] == ' ' || text[1] == '\t')
}
