-- ARGV: epoch, cursor, and how many seqs behind it. Gives -1 where the log cannot continue it.
local held = redis.call('HMGET', head, 'epoch', 'seq', 'oldest')
local cursor = tonumber(ARGV[2])
if held[1] ~= ARGV[1] or cursor > tonumber(held[2]) or cursor + 1 < tonumber(held[3]) then
  return -1
end
local answers, found = entries(cursor + 1, id(cursor + tonumber(ARGV[3])))
return { held[2], answers, found }
