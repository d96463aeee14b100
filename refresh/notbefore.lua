-- Sets a not-before to now, or to when the newest session of the index began if
-- that is later: whatever began until then is over.
-- KEYS[1] the not-before   KEYS[2] the index of its sessions   ARGV[1] how long it must last at least, ms
-- Answer: the not-before
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local at, stored = now, redis.pcall('GET', KEYS[1])
local old = type(stored) == 'string' and tonumber(stored)
-- Never backwards, unless nobody can have meant it.
if old and old > now and old <= now + 3600000 then at = old end
-- Sessions may have begun after now: by another node's clock, by one that was
-- set back, or a millisecond after a not-before of just now. They are over too.
local newest = redis.pcall('ZRANGE', KEYS[2], string.format('%.0f', now + 3600000), '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, 1, 'WITHSCORES')
at = math.max(at, math.ceil(tonumber(newest[2]) or 0))
-- The index ends with the last of its sessions, which may live longer than
-- new ones: the configuration may have changed. An end that nobody can have
-- meant would be refused by SET.
local life = math.min(math.max(tonumber(ARGV[1]), redis.call('PTTL', KEYS[2])), 9999999999999)
redis.call('SET', KEYS[1], string.format('%.0f', at), 'PX', string.format('%.0f', life))
return string.format('%.0f', at)
