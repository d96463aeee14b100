-- Ends a session for good.
-- KEYS[1] the record's key   ARGV 1 tombstone   2 its life ms   3 '1': also where there is no record (yet)
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local stored = redis.pcall('GET', KEYS[1])
if not stored and ARGV[3] ~= '1' then return 'absent' end
if type(stored) == 'string' and string.sub(stored, 1, 4) == '1 r ' then return 'revoked' end
redis.call('SET', KEYS[1], ARGV[1], 'PXAT', string.format('%.0f', now + tonumber(ARGV[2])))
if stored then return 'ended' end
return 'absent'
