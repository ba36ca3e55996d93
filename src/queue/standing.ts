import type { Redis } from '../model/redis.ts'
import { clusterKeys } from '../model/keys.ts'
import { decodeStanding, type Standing } from '../model/standing.ts'
import { runScript, type Script } from './scripts/script.ts'

const WORDS = ['suspension', 'pin'] as const

/** KEYS: status. ARGV: (field, time, word as JSON) triples. The newer word stays, whoever brings it: a person, a sync, or a sweep that restores. */
const SAY: Script = {
  name: 'gitwakeSay',
  keys: 1,
  lua: `
for index = 1, #ARGV, 3 do
  local said = redis.call('HGET', KEYS[1], ARGV[index])
  local known, word = pcall(cjson.decode, said or '')
  local at = known and type(word) == 'table' and tonumber(word.at) or 0
  if at <= tonumber(ARGV[index + 1]) then redis.call('HSET', KEYS[1], ARGV[index], ARGV[index + 2]) end
end
return 0
`,
}

/** Writes down what holds of an application until further notice, unless a newer word on the same matter is there. */
export async function sayStanding(redis: Redis, cluster: string, application: string, standing: Standing): Promise<void> {
  const args = WORDS.flatMap((name) => {
    const word = standing[name]
    return word === undefined ? [] : [`${application}/${name}`, String(word.at), JSON.stringify(word)]
  })
  if (args.length > 0) await runScript(redis, SAY, [clusterKeys(cluster).status], args)
}

/** Writes down what somebody says now: it is the newest word, whatever the clocks of those who spoke before. */
export async function sayNow(redis: Redis, cluster: string, application: string, standing: Standing): Promise<void> {
  const before = await readStanding(redis, cluster, application)
  const later = WORDS.flatMap((name) => {
    const word = standing[name]
    return word === undefined ? [] : [[name, { ...word, at: Math.max(word.at, (before[name]?.at ?? 0) + 1) }] as const]
  })
  await sayStanding(redis, cluster, application, Object.fromEntries(later))
}

/** What was said last. After FLUSHALL nothing: the inventory in the cluster knows. */
export async function readStanding(redis: Redis, cluster: string, application: string): Promise<Standing> {
  const texts = await redis.hmget(clusterKeys(cluster).status, ...WORDS.map((name) => `${application}/${name}`))
  return decodeStanding(Object.fromEntries(WORDS.map((name, index) => [name, parse(texts[index])])))
}

function parse(text: string | null | undefined): unknown {
  try {
    return text ? JSON.parse(text) : undefined
  } catch {
    return undefined
  }
}
