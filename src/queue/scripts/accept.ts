import { HEADS_KEPT, HEADS_KEPT_MS, type Script } from './script.ts'

/**
 * KEYS: deliveries, order of deliveries. ARGV: key prefix, retention in ms, cap, kept triggers, kept outcomes, then for each request: delivery
 * mark or '', class, whether it resets back-off (1/0), whether it brings a commit (1/0), trigger as JSON, `<before> <after> <ref>` or '', number of
 * applications, and so many (application, repository, passing) triples. Passing is '', or the words that must stand in read-at and, in the next line, the
 * result that answers the ticket but for its times and its number.
 * Returns per request and application: {known before (1/0), wanted, 'add' | 'raise' | 'none' | 'passed', waiting jobs of the repository}.
 *
 * The first wanted number of an application is the time in milliseconds, so that no ticket is ever given twice, not even after FLUSHALL.
 * The field `waiting` holds the class of the job that waits; the worker clears it before it reads `want`.
 */
export const ACCEPT: Script = {
  name: 'gitwakeAccept',
  keys: 2,
  lua: `
local prefix, retention, cap, kept, outcomes = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], ARGV[5]
local now = clock()

-- The branch has moved on: as heads.ts admits a head that a webhook names.
local function admit(heads, newest, revision)
  redis.call('DEL', heads .. ':doubt')
  if newest ~= revision then
    redis.call('LREM', heads, 0, revision)
    redis.call('LPUSH', heads, revision)
    redis.call('LTRIM', heads, 0, ${HEADS_KEPT - 1})
  end
  redis.call('PEXPIRE', heads, ${HEADS_KEPT_MS})
end

-- A push that touches nothing of an application is answered at once: nothing is open, the commit before is the head that was seen last, and the
-- application is known to carry it. Otherwise nil, and a worker compares the trees; where the last run has failed, it looks at the cluster.
local function pass(application, repository, move, passing)
  local before, after, ref = string.match(move, '^(%x+) (%x+) (%S+)$')
  local expected, id, result = string.match(passing, '^(%x+ (%x+))\\n(.*)$')
  if not before or not expected then return nil end
  local key = prefix .. ':app:' .. application
  local state = redis.call('HMGET', key, 'want', 'done', 'broken')
  if not state[1] or state[1] ~= state[2] or state[3] or redis.call('HGET', prefix .. ':read-at', application) ~= expected then return nil end
  local heads = prefix .. ':heads:' .. repository .. ':' .. ref
  local newest = redis.call('LINDEX', heads, 0)
  if newest ~= before and newest ~= after then return nil end
  local want = redis.call('HINCRBY', key, 'want', 1)
  redis.call('HSET', key, 'done', digits(want))
  redis.call('HSET', prefix .. ':read-at', application, after .. ' ' .. id)
  admit(heads, newest, after)
  redis.call('HSET', prefix .. ':status', application .. '/head', '{"revision":"' .. after .. '","seenAt":' .. digits(now) .. '}',
    application .. '/applied', '{"revision":"' .. after .. '","at":' .. digits(now) .. '}')
  redis.call('XADD', prefix .. ':outcomes', 'MAXLEN', '~', outcomes, '*', 'result',
    string.sub(result, 1, -2) .. ',"startedAt":' .. digits(now) .. ',"finishedAt":' .. digits(now) .. ',"seen":' .. digits(want) .. '}')
  return {0, want, 'passed', 0}
end

local function take(application, repository, class, reset, commit, trigger)
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

local function forgetOldest()
  for _ = 1, 4 do
    local oldest = redis.call('LINDEX', KEYS[2], 0)
    if not oldest then return end
    local space = string.find(oldest, ' ', 1, true)
    if redis.call('LLEN', KEYS[2]) <= cap and tonumber(string.sub(oldest, 1, space - 1)) > now - retention then return end
    redis.call('LPOP', KEYS[2])
    redis.call('HDEL', KEYS[1], string.sub(oldest, space + 1))
  end
end

local function accept(at)
  local mark, class, reset, commit, trigger = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2] == '1', ARGV[at + 3] == '1', ARGV[at + 4]
  local move = ARGV[at + 5]
  local stored = mark ~= '' and redis.call('HGET', KEYS[1], mark) or false
  local known, answer = {}, {}
  if stored then
    for application, wanted in string.gmatch(stored, '([^ =]+)=(%d+)') do known[application] = tonumber(wanted) end
  end
  local remember = stored and {stored} or {}
  local last = at + 6 + 3 * tonumber(ARGV[at + 6])
  for index = at + 7, last, 3 do
    local application = ARGV[index]
    if known[application] then
      answer[#answer + 1] = {1, known[application], 'none', 0}
    else
      local taken = pass(application, ARGV[index + 1], move, ARGV[index + 2])
        or take(application, ARGV[index + 1], class, reset, commit, trigger)
      answer[#answer + 1] = taken
      known[application] = taken[2]
      remember[#remember + 1] = application .. '=' .. digits(taken[2])
    end
  end
  if mark ~= '' and (not stored or #remember > 1) then
    redis.call('HSET', KEYS[1], mark, table.concat(remember, ' '))
    if not stored then redis.call('RPUSH', KEYS[2], digits(now) .. ' ' .. mark) end
    forgetOldest()
  end
  return answer, last + 1
end

local answers, at = {}, 6
while at <= #ARGV do
  answers[#answers + 1], at = accept(at)
end
return answers
`,
}

/**
 * KEYS: order of delivery ids. ARGV: prefix of delivery keys, retention in ms, cap, then for each delivery: id, name of its record, record as JSON.
 * Returns per delivery 1 where it (id, body and address) was recorded before, else 0.
 */
export const RECORD: Script = {
  name: 'gitwakeRecord',
  keys: 1,
  lua: `
local prefix, retention, cap = ARGV[1], ARGV[2], tonumber(ARGV[3])

local function record(id, name, text)
  local key = prefix .. id
  if redis.call('HSETNX', key, name, text) == 0 then return 1 end
  if redis.call('HLEN', key) == 1 then redis.call('RPUSH', KEYS[1], id) end
  redis.call('PEXPIRE', key, retention)
  for _ = 1, 4 do
    if redis.call('LLEN', KEYS[1]) <= cap then break end
    redis.call('DEL', prefix .. redis.call('LPOP', KEYS[1]))
  end
  return 0
end

local known = {}
for index = 4, #ARGV, 3 do known[#known + 1] = record(ARGV[index], ARGV[index + 1], ARGV[index + 2]) end
return known
`,
}
