import type { Redis } from '../../model/redis.ts'

/** A Lua script: atomic, and sent by its hash after the first time. */
export interface Script {
  readonly name: string
  readonly keys: number
  readonly lua: string
}

/** Redis's own clock judges what is due: workers with wrong clocks agree with each other. 13 digits survive Lua's doubles, not its `tostring`. */
const PREAMBLE = `
local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function digits(number)
  return string.format('%.0f', number)
end
`

/** How much earlier than `notBefore` a job may start: timers and BullMQ's delayed jobs are not exact. */
export const DUE_SLACK_MS = 250

/** How long a confirmation or a departure counts. A person has seen the cluster as it was: a worker that comes much later must ask again. */
export const ASKED_FOR_MS = 15 * 60_000

/** How many heads of a branch are remembered, and for how long. */
export const HEADS_KEPT = 100
export const HEADS_KEPT_MS = 30 * 24 * 3_600_000

/** As ioredis takes them when a connection is made: one defined later would miss the pipeline that is being filled. */
export function definitions(scripts: readonly Script[]): Record<string, { lua: string; numberOfKeys: number }> {
  return Object.fromEntries(scripts.map(({ name, lua, keys }) => [name, { lua: PREAMBLE + lua, numberOfKeys: keys }]))
}

/** Runs a script; the answer is whatever it returns. */
export async function runScript(
  redis: Redis,
  script: Script,
  keys: readonly string[],
  args: readonly (string | number)[],
): Promise<unknown> {
  const command: unknown = Reflect.get(redis, script.name)
  // Not one of the hot ones: its text goes along each time.
  if (typeof command !== 'function') return redis.eval(PREAMBLE + script.lua, keys.length, ...keys, ...args)
  return Reflect.apply(command, redis, [...keys, ...args])
}
