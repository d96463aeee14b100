package vaultkeys

import (
	"strconv"
	"strings"

	"signet/vaultkeys/vaultapi"
)

var _ vaultapi.UsualReader = (*batchReply)(nil)

// ReadUsual fits vaultapi.UsualReader: it reads a reply in which every item is
// signed, as Vault writes it, byte for byte. Refusals, HMACs and whatever has an
// escape in it are left to encoding/json.
func (r *batchReply) ReadUsual(data []byte) bool {
	rest, ok := strings.CutPrefix(string(data), `{"batch_results":[`) // one copy, of which the results are parts
	if !ok {
		return false
	}
	all := r.Results[:0]
	for {
		var one batchResult
		if one, rest, ok = usualResult(rest); !ok {
			break
		}
		all = append(all, one)
		if rest == `]}` {
			r.Results = all
			return true
		}
		if rest, ok = strings.CutPrefix(rest, `,`); !ok {
			break
		}
	}
	clear(all) // encoding/json would go on with what is left in the list
	return false
}

// usualResult reads one item and gives what follows it.
func usualResult(text string) (one batchResult, rest string, ok bool) {
	if one.Signature, rest, ok = usualMember(text, `{"signature":"`, `","key_version":`); !ok {
		return one, "", false
	}
	digits, rest, ok := strings.Cut(rest, `,"reference":"`)
	if !ok || len(digits) > 9 || len(digits) > 1 && digits[0] == '0' {
		return one, "", false
	}
	version, err := strconv.ParseUint(digits, 10, 32)
	if err != nil {
		return one, "", false
	}
	one.KeyVersion = int(version)
	one.Reference, rest, ok = usualMember(rest, "", `"}`)
	return one, rest, ok
}

// usualMember reads a string between what stands before and after it.
func usualMember(text, before, after string) (value, rest string, ok bool) {
	if text, ok = strings.CutPrefix(text, before); !ok {
		return "", "", false
	}
	end := strings.IndexByte(text, '"')
	if end < 0 {
		return "", "", false
	}
	value = text[:end]
	rest, ok = strings.CutPrefix(text[end:], after)
	return value, rest, ok && isPlain(value)
}

// isPlain says whether a JSON string stands for itself.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '\\' || c > '~' {
			return false
		}
	}
	return true
}
