-- The max_ttl values that replicas reported for a ring, each with the time of
-- its last report, by Redis' clock. Returns the largest of the window, in ms.
-- KEYS[1] the ring's key   ARGV[1] the window in ms   ARGV[2] a value in ms to report, or ''
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local window = tonumber(ARGV[1])
if ARGV[2] ~= '' then
  redis.call('ZADD', KEYS[1], now, ARGV[2])
  redis.call('PEXPIREAT', KEYS[1], now + window)
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. (now - window))
local largest = 0
for _, value in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  largest = math.max(largest, tonumber(value))
end
return largest
