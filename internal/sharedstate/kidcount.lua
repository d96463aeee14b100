-- Adds to the counts of a kid, and keeps the later of two times.
-- KEYS[1] the kid's key   ARGV[1] how long to remember it, in ms
-- ARGV[2..4] issued, introspected, fetched   ARGV[5..6] last issued and introspected, in ms, 0 for never
local counts, times = {'issued', 'introspected', 'fetched'}, {'last_issued', 'last_introspected'}
for i, field in ipairs(counts) do redis.call('HINCRBY', KEYS[1], field, ARGV[i + 1]) end
for i, field in ipairs(times) do
  local before = tonumber(redis.call('HGET', KEYS[1], field) or '0') or 0
  if tonumber(ARGV[i + 4]) > before then redis.call('HSET', KEYS[1], field, ARGV[i + 4]) end
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
