import type { Script } from './script.ts'

/**
 * KEYS: any key of the slot. ARGV: key prefix, longest wait in ms, then applications.
 * Notes since when each waiting job stands in line (`inLine`: its id and the time), and returns the applications whose job has stood there too
 * long, once each: from then on it counts as class 0, which nobody overtakes.
 */
export const PROMOTE: Script = {
  name: 'gitwakePromote',
  keys: 1,
  lua: `
local prefix, longest = ARGV[1], tonumber(ARGV[2])
local queue = prefix .. ':sync:'
local now = clock()
local late = {}
for index = 3, #ARGV do
  local application = ARGV[index]
  local key = prefix .. ':app:' .. application
  local state = redis.call('HMGET', key, 'waiting', 'inLine')
  local id = state[1] and redis.call('GET', queue .. 'de:' .. application)
  if id and redis.call('ZSCORE', queue .. 'prioritized', id) then
    local known, since = string.match(state[2] or '', '^(%S+) (%d+)$')
    if known ~= id then
      redis.call('HSET', key, 'inLine', id .. ' ' .. digits(now))
    elseif tonumber(state[1]) > 0 and now - tonumber(since) >= longest then
      redis.call('HSET', key, 'waiting', 0)
      late[#late + 1] = application
    end
  end
end
return late
`,
}
