import type { Script } from './script.ts'

/**
 * KEYS: deliveries, order of deliveries. ARGV: key prefix, delivery mark or '', retention in ms, cap, class, whether it resets back-off (1/0),
 * whether it brings a commit (1/0), trigger as JSON, kept triggers, then (application, repository) pairs.
 * Returns per application: {known before (1/0), wanted, 'add' | 'raise' | 'none', waiting jobs of the repository}.
 *
 * The first wanted number of an application is the time in milliseconds, so that no ticket is ever given twice, not even after FLUSHALL.
 * The field `waiting` holds the class of the job that waits; the worker clears it before it reads `want`.
 */
export const ACCEPT: Script = {
  name: 'gitwakeAccept',
  keys: 2,
  lua: `
local prefix, mark = ARGV[1], ARGV[2]
local class, reset, commit, trigger, kept = tonumber(ARGV[5]), ARGV[6] == '1', ARGV[7] == '1', ARGV[8], ARGV[9]
local now = clock()
local known, answer = {}, {}
local stored = mark ~= '' and redis.call('HGET', KEYS[1], mark) or false
if stored then
  for application, wanted in string.gmatch(stored, '([^ =]+)=(%d+)') do known[application] = tonumber(wanted) end
end
local remember = stored and {stored} or {}

local function take(application, repository)
  local key = prefix .. ':app:' .. application
  local state = redis.call('HMGET', key, 'want', 'done', 'notBefore', 'waiting', 'repository', 'attempts')
  local waiting, before = tonumber(state[4] or nil), tonumber(state[3] or 0)
  if not state[1] then
    redis.call('HSET', key, 'seed', digits(now), 'want', digits(now), 'done', digits(now))
  end
  local want = redis.call('HINCRBY', key, 'want', 1)
  redis.call('RPUSH', prefix .. ':triggers:' .. application, digits(want) .. ' ' .. trigger)
  redis.call('LTRIM', prefix .. ':triggers:' .. application, -kept, -1)
  if commit and (not state[1] or state[1] == state[2]) then redis.call('HSET', key, 'openSince', digits(now)) end
  if state[5] ~= repository then
    if state[5] then redis.call('SREM', prefix .. ':waiting:' .. state[5], application) end
    redis.call('HSET', key, 'repository', repository)
  end
  if reset and (before > 0 or tonumber(state[6] or 0) > 0) then
    redis.call('HSET', key, 'notBefore', 0, 'attempts', 0)
    before = 0
  end
  local action = 'none'
  if before <= now then
    if not waiting then action = 'add' elseif class < waiting then action = 'raise' end
  end
  if action == 'none' then return {0, want, action, 0} end
  redis.call('HSET', key, 'waiting', class)
  redis.call('SADD', prefix .. ':waiting:' .. repository, application)
  return {0, want, action, redis.call('SCARD', prefix .. ':waiting:' .. repository)}
end

for index = 10, #ARGV, 2 do
  local application = ARGV[index]
  if known[application] then
    answer[#answer + 1] = {1, known[application], 'none', 0}
  else
    local taken = take(application, ARGV[index + 1])
    answer[#answer + 1] = taken
    known[application] = taken[2]
    remember[#remember + 1] = application .. '=' .. digits(taken[2])
  end
end

if mark ~= '' and (not stored or #remember > 1) then
  redis.call('HSET', KEYS[1], mark, table.concat(remember, ' '))
  if not stored then redis.call('RPUSH', KEYS[2], digits(now) .. ' ' .. mark) end
  local retention, cap = tonumber(ARGV[3]), tonumber(ARGV[4])
  for _ = 1, 4 do
    local oldest = redis.call('LINDEX', KEYS[2], 0)
    if not oldest then break end
    local space = string.find(oldest, ' ', 1, true)
    if redis.call('LLEN', KEYS[2]) <= cap and tonumber(string.sub(oldest, 1, space - 1)) > now - retention then break end
    redis.call('LPOP', KEYS[2])
    redis.call('HDEL', KEYS[1], string.sub(oldest, space + 1))
  end
end
return answer
`,
}

/**
 * KEYS: order of delivery ids, the delivery. ARGV: id, mark, record as JSON, retention in ms, cap, prefix of delivery keys.
 * Returns 1 where this delivery (id and body) was recorded before.
 */
export const RECORD: Script = {
  name: 'gitwakeRecord',
  keys: 2,
  lua: `
local existed = redis.call('EXISTS', KEYS[2])
if redis.call('HSETNX', KEYS[2], ARGV[2], ARGV[3]) == 0 then return 1 end
redis.call('PEXPIRE', KEYS[2], ARGV[4])
if existed == 0 then redis.call('RPUSH', KEYS[1], ARGV[1]) end
for _ = 1, 4 do
  if redis.call('LLEN', KEYS[1]) <= tonumber(ARGV[5]) then break end
  redis.call('DEL', ARGV[6] .. redis.call('LPOP', KEYS[1]))
end
return 0
`,
}
