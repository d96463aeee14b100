-- Ends a session for good.
-- KEYS[1] the record's key   ARGV 1 tombstone   2 its life ms
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local stored = redis.pcall('GET', KEYS[1])
if not stored then return 'absent' end
-- Also over a tombstone: whoever waits for replicas waits for a write.
redis.call('SET', KEYS[1], ARGV[1], 'PXAT', string.format('%.0f', now + tonumber(ARGV[2])))
if type(stored) == 'string' and string.sub(stored, 1, 2) == '1r' then return 'revoked' end
return 'ended'
