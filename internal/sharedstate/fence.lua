-- Notes since when a ring's min_encryption_version has stood at or above each
-- value that it had. A lower value than before means that somebody lowered it:
-- what was above stands no longer.
-- KEYS[1] the ring's key   ARGV[1] its value now   ARGV[2] when that was seen, in ms
for _, value in ipairs(redis.call('HKEYS', KEYS[1])) do
  local number = tonumber(value)
  if not number or number > tonumber(ARGV[1]) then redis.call('HDEL', KEYS[1], value) end
end
redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2])
return 1
