package refresh_test

import (
	_ "embed" // the scripts
	"strings"

	"github.com/redis/go-redis/v9"
)

//go:embed protocol.lua
var protocolSource string

//go:embed revoke.lua
var revokeSource string

//go:embed notbefore.lua
var notBeforeSource string

// mutant is a script that is broken on purpose.
type mutant struct {
	name     string
	source   string // of the script that is broken
	old, new string
}

// mutants are mistakes that somebody might make one day.
var mutants = []mutant{
	{
		"a commit that is sent twice is not known again", protocolSource,
		`if mode == 'commit' and attempt == ARGV[7] then return answer('again', stored) end`, ``,
	},
	{
		"any commit passes for one that was sent twice", protocolSource,
		`if mode == 'commit' and attempt == ARGV[7] then`, `if mode == 'commit' then`,
	},
	{
		"the grace makes a new generation", protocolSource,
		`if graced == 1 then return answer('grace', stored) end`,
		`if mode == 'commit' then g = n return rotate('grace', graces) end`,
	},
	{
		"the grace is for every ancestor", protocolSource,
		`if g == n - 1 then`, `if g < n then`,
	},
	{
		"the grace is not counted", protocolSource,
		`graced = 1, graces = graces + 1,`, `graced = 0, graces = graces,`,
	},
	{
		"the third generation in a row has a grace too", protocolSource,
		`if graces < 2 then`, `if graces < 3 then`,
	},
	{
		"a row of graces never ends", protocolSource,
		`graced == 1 and graces or 0`, `graces`,
	},
	{
		"a reuse does not revoke", protocolSource,
		`if mode == 'end' then redis.call('SET', KEYS[1], ARGV[7], 'PXAT', ms(now + tonumber(ARGV[8]))) end`, ``,
	},
	{
		"a tombstone is not looked for", protocolSource,
		`if status == '1r' then`, `if false then`,
	},
	{
		"a tombstone is looked for in the check only", protocolSource,
		`if status == '1r' then`, `if status == '1r' and mode == 'check' then`,
	},
	{
		"the end is looked for in the check only", protocolSource,
		`if now >= idle or now >= latest then`, `if mode == 'check' and (now >= idle or now >= latest) then`,
	},
	{
		"any newer generation rolls forward", protocolSource,
		`if g <= n + 2 or`, `if g > n or`,
	},
	{
		"one generation only rolls forward", protocolSource,
		`if g <= n + 2 or`, `if g <= n + 1 or`,
	},
	{
		"rolling forward counts on from the record", protocolSource,
		`n = g + 1, macversion`, `n = n + 1, macversion`,
	},
	{
		"rolling forward carries the row of graces on", protocolSource,
		`rotate('forward', 0)`, `rotate('forward', graces)`,
	},
	{
		"a revocation for a reuse revokes whatever it finds", protocolSource,
		`if mode ~= 'commit' then return answer(outcome, stored) end`,
		`if mode == 'end' then redis.call('SET', KEYS[1], ARGV[7], 'PXAT', ms(now + tonumber(ARGV[8]))) end
		if mode ~= 'commit' then return answer(outcome, stored) end`,
	},
	{
		"a session that was rolled back goes on", protocolSource,
		`return finish('rolled_back')`, `return answer('rolled_back', stored)`,
	},
	{
		"a commit does not look for a reuse", protocolSource,
		`if g < n then return finish('reuse') end`,
		`if g < n and mode == 'commit' then return rotate('current', 0) end
		if g < n then return finish('reuse') end`,
	},
	{
		"a commit revokes by itself, also when it comes late", protocolSource,
		`local function finish(outcome)`,
		`local function finish(outcome)
		if mode == 'commit' then
			redis.call('SET', KEYS[1], '1r' .. string.rep(string.char(0), 43), 'PXAT', ms(now + 3600000))
		end`,
	},
	{
		"a rotation is answered but not written", protocolSource,
		`redis.call('SET', KEYS[1], record, 'PXAT', ms(head.idle))`, ``,
	},
	{
		"a revocation is answered but not written", revokeSource,
		`redis.call('SET', KEYS[1], ARGV[1], 'PXAT', string.format('%.0f', now + tonumber(ARGV[2])))`, ``,
	},
	{
		"a not-before is answered but not written", notBeforeSource,
		`redis.call('SET', KEYS[1], string.format('%.0f', at), 'PX', string.format('%.0f', life))`, ``,
	},
}

// broken is the script's text with the mistake; ok is false if the script does
// not read any more as the mistake presumes.
func (m *mutant) broken() (text string, ok bool) {
	return strings.Replace(m.source, m.old, m.new, 1), strings.Count(m.source, m.old) == 1
}

// replace puts the broken script in the place of the whole one in a call.
func (m *mutant) replace(cmd redis.Cmder) {
	args := cmd.Args()
	if m == nil || len(args) < 2 {
		return
	}
	text, _ := m.broken()
	switch {
	case cmd.Name() == "eval" && args[1] == m.source:
		args[1] = text
	case cmd.Name() == "evalsha" && args[1] == redis.NewScript(m.source).Hash():
		args[1] = redis.NewScript(text).Hash()
	}
}
