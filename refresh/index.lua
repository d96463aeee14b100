-- Enters a session into an index, and says when it begins and ends.
-- KEYS[1] the index, the not-befores that it must come after
-- ARGV 1 sid   2 absolute life ms   3 absolute end ms at the latest   4 begins when, ms, or after the not-befores; 0 for now
-- Answer: begins, ends, and some other entries with their scores, to be pruned if they are over
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local function ms(n) return string.format('%.0f', n) end
local begins = tonumber(ARGV[4])
if begins == 0 then begins = now end
for i = 2, #KEYS do
  local stored = redis.call('GET', KEYS[i])
  if stored then
    local at = string.find(stored, '^%d+$') and tonumber(stored)
    -- A clock that was set back may be behind a not-before, but not by this.
    if not at or at > now + 3600000 then return redis.error_reply('ERR not a not-before: ' .. KEYS[i]) end
    begins = math.max(begins, at + 1)
  end
end
local ends = math.min(begins + tonumber(ARGV[2]), tonumber(ARGV[3]))
if ends <= begins then return {ms(begins), ms(ends)} end
local some = redis.call('ZRANDMEMBER', KEYS[1], 4, 'WITHSCORES') -- another type ends here, before any write
local left = redis.call('PTTL', KEYS[1])
redis.call('ZADD', KEYS[1], ms(begins), ARGV[1])
if left < 0 or now + left < ends then redis.call('PEXPIREAT', KEYS[1], ms(ends)) end
local answer = {ms(begins), ms(ends)}
for _, text in ipairs(some) do answer[#answer + 1] = text end
return answer
