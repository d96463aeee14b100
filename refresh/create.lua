-- Stores a new session, never over another or over its tombstone.
-- KEYS[1] the record's key   ARGV 1 record   2 its end, ms
local stored = redis.pcall('GET', KEYS[1])
-- The network sent this very call twice.
if stored == ARGV[1] then return 'stored' end
if stored then return 'occupied' end
redis.call('SET', KEYS[1], ARGV[1], 'PXAT', ARGV[2])
return 'stored'
