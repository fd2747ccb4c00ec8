-- ARGV: fence, first seq, then pairs: c = answer of the deltas that follow, d = a delta, j = another
-- event, e = an end, m<width> = an event that covers so many seqs.
-- Gives the seq, or -1: gone, -2: fenced, -3 - seq: not the next.
local held = redis.call('HMGET', head, 'fence', 'seq', 'oldest', 'ctx', 'n', 'fresh')
local fence = tonumber(ARGV[1])
if not held[1] or tonumber(held[1]) < fence then
  return -1
end
if tonumber(held[1]) > fence then
  return -2
end
local seq, at = tonumber(held[2]), tonumber(ARGV[2])
local ctx, n = held[4], held[5] or '0'
local ended, last
for i = 3, #ARGV, 2 do
  local kind, value = ARGV[i], ARGV[i + 1]
  if kind == 'c' then
    if value ~= ctx then
      ctx, n = value, string.format('%d', (tonumber(n) + 1) % 256)
      redis.call('HSET', head, 'ctx', ctx, 'n', n, 'c' .. n, ctx)
    end
  else
    local field, width = 'j', 1
    if kind == 'd' then
      field = n
    elseif kind ~= 'j' and kind ~= 'e' then
      field, width = 'm', tonumber(string.sub(kind, 2))
    end
    if at + width - 1 > seq then
      if at ~= seq + 1 then
        return -3 - seq
      end
      seq = at + width - 1
      redis.call('XADD', log, id(seq), field, value)
      last = kind
      if kind == 'e' then
        ended = seq
      end
    end
    at = at + width
  end
end
if not last then
  return seq
end
redis.call('HSET', head, 'seq', string.format('%.0f', seq))
if ended then
  -- What a replay may ask for is kept.
  local oldest = math.max(tonumber(held[3]), ended + 1 - REPLAY)
  redis.call('XTRIM', log, 'MINID', id(oldest))
  redis.call('HSET', head, 'oldest', string.format('%.0f', oldest))
  redis.call('HDEL', head, 'base', 'fresh')
  local time = last == 'e' and ENDED or RUNNING
  redis.call('EXPIRE', head, time)
  redis.call('EXPIRE', log, time)
elseif held[6] then
  redis.call('EXPIRE', log, RUNNING)
  redis.call('HDEL', head, 'fresh')
end
return seq
