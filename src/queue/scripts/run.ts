import { ASKED_FOR_MS, DUE_SLACK_MS, type Script } from './script.ts'

/**
 * KEYS: application, triggers. ARGV: key prefix, application.
 * Takes the job: clears the waiting flag, then reads `want`, in one step, so that a push is either seen by this run or adds a job of its own.
 * Returns {'none'} where nothing is wanted or due, else {'run', seed, seen, attempts, seen by the run before, plan confirmed lately, departure asked for lately, '1' where
 * the run before has failed, triggers…}.
 */
export const BEGIN: Script = {
  name: 'gitwakeBegin',
  keys: 2,
  lua: `
local now = clock()
local state = redis.call('HMGET', KEYS[1], 'seed', 'want', 'done', 'notBefore', 'attempts', 'seen', 'confirm', 'repository', 'confirmUntil',
  'departure', 'departureUntil', 'broken')
redis.call('HDEL', KEYS[1], 'waiting')
if state[8] then redis.call('SREM', ARGV[1] .. ':waiting:' .. state[8], ARGV[2]) end
if not state[1] or not state[2] then return {'none'} end
if tonumber(state[2]) <= tonumber(state[3] or 0) then return {'none'} end
if tonumber(state[4] or 0) > now + ${DUE_SLACK_MS} then return {'none'} end
redis.call('HSET', KEYS[1], 'running', state[2], 'seen', state[2])
if tonumber(state[9] or 0) < now then state[7] = '' end
if tonumber(state[11] or 0) < now then state[10] = '' end
return {'run', state[1], state[2], state[5] or '0', state[6] or '0', state[7] or '', state[10] or '',
  state[12] or '', unpack(redis.call('LRANGE', KEYS[2], 0, -1))}
`,
}

/**
 * KEYS: application, triggers, outcomes, status. ARGV: application, seed, seen, 'answered' | 'failed' | 'superseded' | 'waiting' | 'released', delay in ms,
 * result as JSON or '', kept outcomes, confirmed plan or '', departure or '', what the run had seen when it began,
 * '1' where the result is a failure, 'again' or 'over' where a departure that failed stays asked for or does not, else '', then (field, value) pairs of the status.
 * Writes the outcome and the end of the run in one step: no ticket is done without a recorded outcome.
 * Returns the delay in ms where it is due later, else 0. A seed that differs means that Redis was flushed meanwhile.
 */
export const FINISH: Script = {
  name: 'gitwakeFinish',
  keys: 4,
  lua: `
local now = clock()
local application, seed, seen, kind, delay = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
if ARGV[6] ~= '' then redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[7], '*', 'result', ARGV[6]) end
for index = 13, #ARGV, 2 do redis.call('HSET', KEYS[4], ARGV[index], ARGV[index + 1]) end
local state = redis.call('HMGET', KEYS[1], 'seed', 'want', 'done', 'running', 'confirm', 'failed', 'attempts', 'departure')
if state[1] ~= seed then return 0 end
local want = tonumber(state[2])
if state[4] and tonumber(state[4]) == tonumber(ARGV[10]) then redis.call('HDEL', KEYS[1], 'running') end
if kind == 'released' then return 0 end
if ARGV[11] == '1' then redis.call('HSET', KEYS[1], 'broken', 1) elseif kind == 'answered' then redis.call('HDEL', KEYS[1], 'broken') end
if kind == 'answered' then
  local done = math.max(tonumber(state[3] or 0), seen)
  redis.call('HSET', KEYS[1], 'done', digits(done), 'notBefore', 0, 'attempts', 0)
  redis.call('HDEL', KEYS[1], 'failed')
  if ARGV[8] ~= '' and state[5] == ARGV[8] then redis.call('HDEL', KEYS[1], 'confirm', 'confirmUntil') end
  if ARGV[9] ~= '' and state[8] == ARGV[9] then redis.call('HDEL', KEYS[1], 'departure', 'departureUntil') end
  local oldest = redis.call('LINDEX', KEYS[2], 0)
  while oldest and tonumber(string.match(oldest, '^%d+')) <= done do
    redis.call('LPOP', KEYS[2])
    oldest = redis.call('LINDEX', KEYS[2], 0)
  end
  if want <= done then redis.call('HDEL', KEYS[1], 'openSince') else redis.call('HSET', KEYS[1], 'openSince', digits(now)) end
  return 0
end
if kind == 'failed' then redis.call('HSET', KEYS[1], 'failed', digits(math.max(tonumber(state[6] or 0), seen))) end
if ARGV[9] ~= '' and state[8] == ARGV[9] then
  if ARGV[12] == 'again' then redis.call('HSET', KEYS[1], 'departureUntil', digits(now + delay + ${ASKED_FOR_MS})) end
  if ARGV[12] == 'over' then redis.call('HDEL', KEYS[1], 'departure', 'departureUntil') end
end
if want > seen then return 0 end
redis.call('HSET', KEYS[1], 'notBefore', digits(now + delay))
-- Who waits has not failed.
if kind == 'waiting' then redis.call('HSET', KEYS[1], 'attempts', 0) else redis.call('HINCRBY', KEYS[1], 'attempts', 1) end
return delay
`,
}
