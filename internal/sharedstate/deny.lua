-- Denies an access token for so long, or longer if it is denied for longer. The
-- time counts from Redis' own clock, so that no other clock decides when it ends.
-- It always writes: whoever waits for replicas waits for a write.
-- KEYS[1] the token id's key   ARGV[1] how long, in ms, more than 0
local left = redis.call('PTTL', KEYS[1]) -- -2: no such key, -1: for ever
if left == -1 then
  redis.call('SET', KEYS[1], '1')
else
  redis.call('SET', KEYS[1], '1', 'PX', string.format('%.0f', math.max(left, tonumber(ARGV[1]))))
end
return 1
