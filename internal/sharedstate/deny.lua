-- Denies an access token for so long, or longer if it is denied for longer. The
-- time counts from Redis' own clock, so that no other clock decides when it ends.
-- KEYS[1] the token id's key   ARGV[1] how long, in ms, more than 0
local left = redis.call('PTTL', KEYS[1]) -- -2: no such key, -1: for ever
if left == -1 or left >= tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], '1', 'PX', ARGV[1])
return 1
