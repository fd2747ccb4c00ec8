-- ARGV: epoch, the new fence, the fence of the last owner, and the seq that readers may have seen.
-- Gives -2 if a later owner has the log, -1 if it is not as the last owner left it (then nothing
-- changes); else seq, oldest, base and the entries.
local held = redis.call('HMGET', head, 'epoch', 'fence', 'seq', 'oldest', 'base')
if not held[1] then
  return -1
end
local fence, seq, oldest = tonumber(held[2]), tonumber(held[3]), tonumber(held[4])
if fence > tonumber(ARGV[2]) then
  return -2
end
-- The new fence may be on it already: the answer to an earlier call was lost.
local known = fence == tonumber(ARGV[3]) or fence == tonumber(ARGV[2])
local whole = oldest > seq or redis.call('EXISTS', log) == 1
if held[1] ~= ARGV[1] or not known or not whole or seq < tonumber(ARGV[4]) then
  return -1
end
redis.call('HSET', head, 'fence', ARGV[2], 'fresh', '1')
redis.call('EXPIRE', head, RUNNING)
redis.call('EXPIRE', log, RUNNING)
local answers, found = entries(0, '+')
return { held[3], held[4], held[5] or '', answers, found }
