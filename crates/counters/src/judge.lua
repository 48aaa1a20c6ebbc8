-- Judges one call by all windows of a key: it has room in all of them and is noted in all of them, or in none.
--
-- KEYS[1]  a hash: the field of a window to the instant at which it is whole again, as "microseconds:part".
-- ARGV     five for each window: its field; the whole microseconds that a call takes, the numerator of the rest, and its
--          denominator; and how far ahead of now the instant may be.
-- Returns  whether it had room, `now`, and two numbers for each window: the state after it.
--
-- This is `admit` of claviger-verify, number by number; none comes near 2^53, above which Lua's would not be exact.

local windows = #ARGV / 5
local fields = {}
for i = 1, windows do
  fields[i] = ARGV[5 * i - 4]
end
local stored = redis.call('HMGET', KEYS[1], unpack(fields))

local admitted = 1
local settled, after = {}, {}
for i = 1, windows do
  local whole, rest = tonumber(ARGV[5 * i - 3]), tonumber(ARGV[5 * i - 2])
  local limit, used_up = tonumber(ARGV[5 * i - 1]), now + tonumber(ARGV[5 * i])

  local micros, part = string.match(stored[i] or '', '^(%d+):(%d+)$')
  micros, part = tonumber(micros or 0), math.min(tonumber(part or 0), limit - 1)
  if micros < now then
    micros, part = now, 0
  elseif micros >= used_up then
    micros, part = used_up, 0
  end
  settled[i] = { micros, part }

  micros, part = micros + whole, part + rest
  if part >= limit then
    micros, part = micros + 1, part - limit
  end
  after[i] = { micros, part }
  if micros > used_up or (micros == used_up and part > 0) then
    admitted = 0
  end
end

local left = settled
if admitted == 1 then
  left = after
  local states, last = {}, now
  for i = 1, windows do
    states[2 * i - 1] = fields[i]
    states[2 * i] = string.format('%.0f:%.0f', after[i][1], after[i][2])
    last = math.max(last, after[i][1])
  end
  -- Of rates that were changed again and again meanwhile, nothing is kept.
  if redis.call('HLEN', KEYS[1]) > 32 then
    redis.call('DEL', KEYS[1])
  end
  redis.call('HSET', KEYS[1], unpack(states))
  -- When all windows are whole there is nothing left to know.
  redis.call('PEXPIRE', KEYS[1], math.ceil((last - now) / 1000) + 1000)
end

local answer = { admitted, now }
for i = 1, windows do
  answer[2 * i + 1] = left[i][1]
  answer[2 * i + 2] = left[i][2]
end
return answer
