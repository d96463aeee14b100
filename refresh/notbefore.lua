-- Sets a not-before to now: whatever began until then is over.
-- KEYS[1] the not-before   KEYS[2] the index of its sessions   ARGV[1] how long it must last at least, ms
-- Answer: the not-before
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local at, stored = now, redis.pcall('GET', KEYS[1])
local old = type(stored) == 'string' and tonumber(stored)
-- Never backwards, unless nobody can have meant it.
if old and old > now and old <= now + 3600000 then at = old end
-- The index ends with the last of its sessions, which may live longer than
-- new ones: the configuration may have changed.
local life = math.max(tonumber(ARGV[1]), redis.call('PTTL', KEYS[2]))
redis.call('SET', KEYS[1], string.format('%.0f', at), 'PX', string.format('%.0f', life))
return string.format('%.0f', at)
