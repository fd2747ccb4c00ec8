-- Gives all there is, or -1 where there is nothing.
local held = redis.call('HMGET', head, 'epoch', 'seq', 'oldest', 'base')
if not held[1] then
  return -1
end
local answers, found = entries(0, '+')
return { held[1], held[2], held[3], held[4] or '', answers, found }
