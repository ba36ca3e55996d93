import { DUE_SLACK_MS, type Script } from './script.ts'

/**
 * KEYS: any key of the slot. ARGV: key prefix, class of what is added, then applications.
 * Compares the wanted/done record with BullMQ's own keys (`de:` deduplication, `dn:` its stored next job) and repairs what does not agree.
 * Returns flat (application, waiting jobs of its repository) pairs: those that need a job.
 */
export const ENSURE: Script = {
  name: 'gitwakeEnsure',
  keys: 1,
  lua: `
local prefix, class = ARGV[1], ARGV[2]
local queue = prefix .. ':sync:'
local now = clock()
local missing = {}

local function place(application)
  local id = redis.call('GET', queue .. 'de:' .. application)
  if not id then return 'nowhere' end
  if redis.call('EXISTS', queue .. id) == 1 then
    if redis.call('ZSCORE', queue .. 'prioritized', id) then return 'waiting' end
    if redis.call('LPOS', queue .. 'active', id) then return 'active' end
    if redis.call('LPOS', queue .. 'wait', id) or redis.call('ZSCORE', queue .. 'delayed', id) then return 'waiting' end
  end
  redis.call('DEL', queue .. 'de:' .. application, queue .. 'dn:' .. application)
  return 'nowhere'
end

local function forget(key, application, repository)
  redis.call('HDEL', key, 'waiting')
  if repository then redis.call('SREM', prefix .. ':waiting:' .. repository, application) end
end

for index = 3, #ARGV do
  local application = ARGV[index]
  local key = prefix .. ':app:' .. application
  local state = redis.call('HMGET', key, 'want', 'done', 'notBefore', 'waiting', 'repository')
  local wanted = state[1] and tonumber(state[1]) > tonumber(state[2] or 0)
  if wanted and tonumber(state[3] or 0) <= now + ${DUE_SLACK_MS} then
    local found = place(application)
    if found == 'active' then
      if state[4] and redis.call('EXISTS', queue .. 'dn:' .. application) == 0 then forget(key, application, state[5]) end
    elseif found == 'nowhere' or not state[4] then
      local count = 0
      redis.call('HSET', key, 'waiting', class)
      if state[5] then
        redis.call('SADD', prefix .. ':waiting:' .. state[5], application)
        count = redis.call('SCARD', prefix .. ':waiting:' .. state[5])
      end
      if found == 'nowhere' then
        missing[#missing + 1] = application
        missing[#missing + 1] = count
      end
    end
  elseif state[4] and place(application) ~= 'waiting' then
    forget(key, application, state[5])
  end
end
return missing
`,
}
