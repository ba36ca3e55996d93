import type { Script } from './script.ts'

/**
 * KEYS: schedule. ARGV: interval in ms with jitter, longest time it may still run.
 * Returns 0 for who may start it now, else the milliseconds until it is due.
 */
export const CLAIM: Script = {
  name: 'gitwakeClaim',
  keys: 1,
  lua: `
local left = redis.call('PTTL', KEYS[1])
if left > 0 and left <= tonumber(ARGV[2]) then return left end
redis.call('SET', KEYS[1], '1', 'PX', ARGV[1])
return 0
`,
}
