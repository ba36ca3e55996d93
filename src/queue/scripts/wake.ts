import type { Script } from './script.ts'

/**
 * KEYS: any key of the slot. ARGV: key prefix, class of what is added, then applications.
 * Ends the rest of applications whose newest run waits: of many that wake one, the first does. Where the caller dies before it has added the
 * jobs, `ensure` does. Returns flat (application, waiting jobs of its repository) pairs: those that need a job.
 */
export const WAKE: Script = {
  name: 'gitwakeWake',
  keys: 1,
  lua: `
local prefix, class = ARGV[1], ARGV[2]
local now = clock()
local woken = {}
for index = 3, #ARGV do
  local application = ARGV[index]
  local key = prefix .. ':app:' .. application
  local state = redis.call('HMGET', key, 'want', 'done', 'notBefore', 'waiting', 'repository')
  local rests = tonumber(state[3] or 0) > now
  if rests and tonumber(state[1] or 0) > tonumber(state[2] or 0) then
    redis.call('HSET', key, 'notBefore', 0)
    if not state[4] then
      local count = 0
      redis.call('HSET', key, 'waiting', class)
      if state[5] then
        redis.call('SADD', prefix .. ':waiting:' .. state[5], application)
        count = redis.call('SCARD', prefix .. ':waiting:' .. state[5])
      end
      woken[#woken + 1] = application
      woken[#woken + 1] = count
    end
  end
end
return woken
`,
}
