-- The refresh protocol, one run on one key: reads and judges first, then one
-- write or none (Lua in Redis is not rolled back).
--
-- KEYS[1] the session's record
-- ARGV    1 mode: check (never writes), commit (rotates), end (revokes, and only
--           what is judged below to be a reuse or rolled back)
--         2 the generation presented   3 grace ms   4 accept any rollback until ms
-- commit and end, which judge only the record that the caller has verified:
--         5 absolute end   6 sealed body
-- end:    7 tombstone   8 its life ms
-- commit: 7 attempt id   8 the time that the check saw   9 not after   10 MAC key version
--         11 idle ms   12 seal key version   13 seal
-- Answer: outcome, now, record
local mode, g = ARGV[1], tonumber(ARGV[2])

local function ms(n) return string.format('%.0f', n) end

local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)

local function answer(outcome, record) return {outcome, ms(now), record or ''} end

-- A commit that was stuck in the network may arrive when its caller has long
-- been told that it failed.
if mode == 'commit' and now > tonumber(ARGV[9]) then return answer('late') end

local stored = redis.pcall('GET', KEYS[1])
if not stored then return answer('absent') end
if type(stored) == 'table' then
  -- Another type was planted under our key. Every other error is the caller's.
  if string.find(stored.err or '', 'WRONGTYPE', 1, true) then return answer('bad') end
  return stored
end

-- Numbers are big-endian bytes; there is no struct library everywhere.
local function number(from, to)
  local n = 0
  for i = from, to do n = n * 256 + string.byte(stored, i) end
  return n
end

local function bytes(n, width)
  local b = {}
  for i = width, 1, -1 do
    b[i] = string.char(n % 256)
    n = math.floor(n / 256)
  end
  return table.concat(b)
end

local status = string.sub(stored, 1, 2)
if #stored < 45 or status ~= '1a' and status ~= '1r' then return answer('bad') end
if status == '1r' then
  -- A tombstone that tells of no reuse: whoever found one has still to report it.
  if mode == 'end' and string.byte(stored, 9) ~= 1 then return answer('overtaken') end
  return answer('revoked')
end

local macversion, attempt = string.sub(stored, 7, 8), string.sub(stored, 9, 24)
local absolute, sealversion = string.sub(stored, 37, 42), string.sub(stored, 44, 45)
local seal, body = string.sub(stored, 46, 77), string.sub(stored, 78)
local n, rotated, idle, latest = number(3, 6), number(25, 30), number(31, 36), number(37, 42)
local graced = number(43, 43) % 2
local graces = (number(43, 43) - graced) / 2
if rotated > 9999999999999 or latest > 9999999999999 or idle > latest or body == '' then return answer('bad') end
if now >= idle or now >= latest then return answer('expired') end
if mode ~= 'check' and (latest ~= tonumber(ARGV[5]) or body ~= ARGV[6]) then return answer('bad') end

local function write(head)
  local record = '1a' .. bytes(head.n, 4) .. head.macversion .. head.attempt .. bytes(head.rotated, 6) .. bytes(head.idle, 6)
    .. absolute .. bytes(head.graces * 2 + head.graced, 1) .. sealversion .. seal .. body
  redis.call('SET', KEYS[1], record, 'PXAT', ms(head.idle))
  return record
end

local function rotate(outcome, carried)
  if mode ~= 'commit' then return answer(outcome, stored) end
  if tonumber(ARGV[12]) > number(44, 45) then sealversion, seal = bytes(tonumber(ARGV[12]), 2), ARGV[13] end
  return answer(outcome, write({
    n = g + 1, macversion = bytes(tonumber(ARGV[10]), 2), attempt = ARGV[7], rotated = now,
    idle = math.min(now + tonumber(ARGV[11]), latest), graced = 0, graces = carried,
  }))
end

local function finish(outcome)
  if mode == 'end' then redis.call('SET', KEYS[1], ARGV[7], 'PXAT', ms(now + tonumber(ARGV[8]))) end
  return answer(outcome, stored)
end

if g >= 4294967295 then return answer('expired') end

if g == n then
  -- Generations in a row count: one that nobody asked for twice ends the row.
  return rotate('current', graced == 1 and graces or 0)
end

if g == n - 1 then
  -- The network sent this very commit twice.
  if mode == 'commit' and attempt == ARGV[7] then return answer('again', stored) end
  local seen = now
  if mode == 'commit' then seen = tonumber(ARGV[8]) end
  if math.max(0, seen - rotated) < tonumber(ARGV[3]) then
    if graced == 1 then return answer('grace', stored) end
    if graces < 2 then
      if mode ~= 'commit' then return answer('grace', stored) end
      -- The idle end stays: only a rotation is a sign of life.
      return answer('grace', write({
        n = n, macversion = macversion, attempt = attempt, rotated = rotated,
        idle = idle, graced = 1, graces = graces + 1,
      }))
    end
  end
end

if g < n then return finish('reuse') end
-- Redis lost what it had acknowledged (a failover): the token's MAC proves it.
if g <= n + 2 or now < tonumber(ARGV[4]) then return rotate('forward', 0) end
return finish('rolled_back')
