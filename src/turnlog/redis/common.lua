-- The log of one thread. KEYS: its head (a hash) and its entries (a stream).
--   head: epoch, fence, seq, oldest (seq of the oldest entry), base (what an earlier owner had
--         written), ctx and n (the answer that deltas belong to now, and its number), c<number> (the
--         answer of that number), fresh (the entries have no expiry yet)
--   entries: <seq>-0, with one field: <number> = text of a delta, j = another event,
--         m = <first>:<event> for one that covers several seqs
local head, log = KEYS[1], KEYS[2]
local RUNNING, ENDED, REPLAY = 86400, 900, 256

local function id(seq)
  return string.format('%.0f-0', seq)
end

-- The entries from seq on, up to a last one, and the answers that they name.
local function entries(from, last)
  local found = redis.call('XRANGE', log, id(from), last)
  local seen, answers = {}, {}
  for _, entry in ipairs(found) do
    local number = entry[2][1]
    if not seen[number] and number ~= 'j' and number ~= 'm' then
      seen[number] = true
      answers[#answers + 1] = number
      answers[#answers + 1] = redis.call('HGET', head, 'c' .. number) or ''
    end
  end
  return answers, found
end
