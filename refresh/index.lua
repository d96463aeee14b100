-- Enters a session into its subject's index, and prunes the index.
-- KEYS[1] the index   ARGV 1 sid   2 absolute life ms   3 absolute end ms at the latest
-- Answer: now, absolute end
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local function ms(n) return string.format('%.0f', n) end
local latest = math.min(now + tonumber(ARGV[2]), tonumber(ARGV[3]))
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES') -- another type ends here, before any write
local ends = latest
if last[2] then ends = math.max(ends, tonumber(last[2]) or latest) end
if ends > 9999999999999 then ends = latest end -- a score that none of us wrote
if latest <= now then return {ms(now), ms(latest)} end
redis.call('ZADD', KEYS[1], ms(latest), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ms(now))
redis.call('PEXPIREAT', KEYS[1], ms(ends))
return {ms(now), ms(latest)}
