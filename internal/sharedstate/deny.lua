-- Denies an access token until its end, or longer if it is denied for longer.
-- KEYS[1] the token id's key   ARGV[1] end ms
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local last = tonumber(ARGV[1])
local left = redis.call('PTTL', KEYS[1]) -- -2: no such key, -1: for ever
if last <= now or left == -1 or now + left >= last then return 0 end
redis.call('SET', KEYS[1], '1', 'PXAT', ARGV[1])
return 1
