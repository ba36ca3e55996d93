import { hash, randomUUID } from 'node:crypto'
import type { Redis } from '../model/redis.ts'
import type { Repeatable } from '../model/intake.ts'
import { receiverKeys } from '../model/keys.ts'

const REMEMBERED_MS = 24 * 3_600_000

/**
 * The mark under which a repeatable request is accepted, the same for every repetition within 24 h; undefined where the key was used for
 * something else. Claim and acceptance are both idempotent: where a crash lets only the first happen, the next repetition completes it.
 */
export async function claimKey(redis: Redis, { key, request }: Repeatable): Promise<string | undefined> {
  const name = receiverKeys.idempotency(digest(key))
  const own = `${digest(request)} ${randomUUID()}`
  const isFirst = (await redis.set(name, own, 'PX', REMEMBERED_MS, 'NX')) === 'OK'
  const stored = isFirst ? own : ((await redis.get(name)) ?? own)
  // With the claim's own nonce, a key that is used again after a day is not taken for the one of before.
  return stored.startsWith(`${digest(request)} `) ? `once-${digest(stored)}` : undefined
}

function digest(text: string): string {
  return hash('sha256', text, 'base64url').slice(0, 22)
}
