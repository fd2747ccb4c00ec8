-- ARGV: epoch, fence, seq, base, and the seq up to which the caller has the log of this epoch.
-- Gives -2 if a later owner has it; else seq, oldest, base, and what the caller lacks.
local held = redis.call('HMGET', head, 'epoch', 'fence', 'seq', 'oldest', 'base')
if held[2] and tonumber(held[2]) > tonumber(ARGV[2]) then
  return -2
end
local whole = held[1] == ARGV[1]
  and (tonumber(held[4]) > tonumber(held[3]) or redis.call('EXISTS', log) == 1)
if whole and tonumber(held[3]) >= tonumber(ARGV[3]) then
  redis.call('HSET', head, 'fence', ARGV[2], 'fresh', '1')
  redis.call('EXPIRE', head, RUNNING)
  redis.call('EXPIRE', log, RUNNING)
  local answers, found = entries(tonumber(ARGV[5]) + 1, '+')
  return { held[3], held[4], held[5] or '', answers, found }
end
redis.call('DEL', head, log)
local oldest = string.format('%.0f', tonumber(ARGV[3]) + 1)
redis.call('HSET', head, 'epoch', ARGV[1], 'fence', ARGV[2], 'seq', ARGV[3], 'oldest', oldest,
  'fresh', '1')
if ARGV[4] ~= '' then
  redis.call('HSET', head, 'base', ARGV[4])
end
redis.call('EXPIRE', head, RUNNING)
return { ARGV[3], oldest, ARGV[4], {}, {} }
