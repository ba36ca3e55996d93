import type { Redis } from '../model/redis.ts'
import { clusterKeys } from '../model/keys.ts'
import { isAway, reachable } from './connection.ts'
import { HEADS_KEPT, HEADS_KEPT_MS, runScript, type Script } from './scripts/script.ts'

/** Two looks this far apart that agree settle that a branch was really set back (design.md). */
const AGREE_AFTER_MS = 120_000

/**
 * KEYS: heads of a ref (list, newest first), doubt (string `<revision> <first seen>`), what each application was told (hash).
 * ARGV: revision, named by a webhook (1 or 0), application. Returns 1 when accepted, 0 when the branch has left this head already.
 */
const ADMIT: Script = {
  name: 'gitwakeAdmitHead',
  keys: 3,
  lua: `
local newest = redis.call('LINDEX', KEYS[1], 0)
local function accept()
  redis.call('DEL', KEYS[2])
  if newest ~= ARGV[1] then
    redis.call('LREM', KEYS[1], 0, ARGV[1])
    redis.call('LPUSH', KEYS[1], ARGV[1])
    redis.call('LTRIM', KEYS[1], 0, ${HEADS_KEPT - 1})
  end
  redis.call('PEXPIRE', KEYS[1], ${HEADS_KEPT_MS})
  redis.call('HSET', KEYS[3], ARGV[3], ARGV[1])
  return 1
end
if not newest or newest == ARGV[1] or ARGV[2] == '1' then return accept() end
if not redis.call('LPOS', KEYS[1], ARGV[1]) then return accept() end
local doubt = redis.call('GET', KEYS[2])
local revision, since = string.match(doubt or '', '^(%x+) (%d+)$')
if revision == ARGV[1] and clock() - tonumber(since) >= ${AGREE_AFTER_MS} then return accept() end
if revision ~= ARGV[1] then redis.call('SET', KEYS[2], ARGV[1] .. ' ' .. digits(clock()), 'PX', ${AGREE_AFTER_MS * 10}) end
return 0
`,
}

/** The heads that each branch had, as far as this cluster's workers saw them: an accelerator, forgotten by FLUSHALL without harm. */
export interface HeadHistory {
  /** May this revision be synced now? `named`: a webhook named it as the new head. Answers 'accepted' where Redis is away. Throws GitwakeError `redis-unavailable` where it refuses. */
  admit(
    repository: string,
    ref: string,
    revision: string,
    by: { application: string; named: boolean },
  ): Promise<'accepted' | 'left already'>
  /** Those that neither fetched this head last nor were told of it: what one application has seen says nothing about the others of its branch. */
  unaware(revision: string, applications: readonly string[]): Promise<ReadonlySet<string>>
  /** These were asked to sync this head. */
  told(revision: string, applications: readonly string[]): Promise<void>
  /** Was this revision admitted as a head lately? Answers false where Redis is away. Throws GitwakeError `redis-unavailable` where it refuses. */
  has(repository: string, ref: string, revision: string): Promise<boolean>
}

/** A Redis that is away stops no sync; one that refuses what it is asked would hide that no head is remembered. */
async function unlessAway<Value>(command: Promise<Value>, away: Value): Promise<Value> {
  return await reachable(
    command.catch((error: unknown) => {
      if (isAway(error)) return away
      throw error
    }),
  )
}

export function createHeadHistory(redis: Redis, cluster: string): HeadHistory {
  const { prefix, heads: key } = clusterKeys(cluster)
  const toldKey = `${prefix}:heads-told`
  return {
    async admit(repository, ref, revision, { application, named }) {
      const heads = key(repository, ref)
      const asked = [revision, named ? '1' : '0', application]
      const admitted = await unlessAway(runScript(redis, ADMIT, [heads, `${heads}:doubt`, toldKey], asked), 1)
      return admitted === 1 ? 'accepted' : 'left already'
    },
    async unaware(revision, applications) {
      if (applications.length === 0) return new Set()
      const last = await redis.hmget(toldKey, ...applications)
      return new Set(applications.filter((_, index) => last[index] !== revision))
    },
    async told(revision, applications) {
      await redis.hset(toldKey, ...applications.flatMap((application) => [application, revision]))
    },
    async has(repository, ref, revision) {
      return (await unlessAway(redis.lpos(key(repository, ref), revision), null)) !== null
    },
  }
}
