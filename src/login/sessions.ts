import type { Redis } from '../model/redis.ts'
import { GitwakeError } from '../model/error.ts'
import { isJsonObject, parseJson } from '../model/json.ts'
import { receiverKeys } from '../model/keys.ts'
import type { Person } from './person.ts'
import { newSessionId, seal, sessionDigest, unseal } from './seal.ts'

/** What is remembered of somebody who logged in; what they may do is looked up in the configuration each time. */
export interface Session {
  readonly person: Person
  /** From then on it is over, however busy it is; ms since 1970. */
  readonly expiresAt: number
  /** Tells the provider whom to log out. */
  readonly idToken?: string
}

/** Sessions in Redis, shared by all replicas. Each throws GitwakeError `redis-unavailable`. */
export interface SessionStore {
  /** Its id, which nobody had before. */
  create(session: Session, secret: string, idleMs: number): Promise<string>
  /** Undefined where it has ended; looking at it keeps it from idling away. */
  find(id: string, secret: string, idleMs: number): Promise<Session | undefined>
  end(id: string): Promise<void>
  /** False where this login was completed before. */
  claim(attempt: string, forMs: number): Promise<boolean>
}

export function createSessionStore({ redis, now }: { readonly redis: Redis; readonly now: () => number }): SessionStore {
  const end = async (id: string): Promise<void> => void (await reachable(redis.del(keyOf(id))))
  return {
    async create(session, secret, idleMs) {
      const id = newSessionId()
      const text = JSON.stringify({ version: 1, ...session })
      await reachable(redis.set(keyOf(id), seal(text, id, secret), 'PX', Math.min(idleMs, session.expiresAt - now())))
      return id
    },
    async find(id, secret, idleMs) {
      const sealed = await reachable(redis.getex(keyOf(id), 'PX', idleMs))
      const text = sealed === null ? undefined : unseal(sealed, id, secret)
      const session = text === undefined ? undefined : decode(text)
      if (session === undefined || session.expiresAt > now()) return session
      await end(id)
      return undefined
    },
    end,
    claim: async (attempt, forMs) =>
      (await reachable(redis.set(receiverKeys.login(sessionDigest(attempt)), '1', 'PX', forMs, 'NX'))) === 'OK',
  }
}

function keyOf(id: string): string {
  return receiverKeys.session(sessionDigest(id))
}

/** It was sealed by us, so only its version is in question. */
function decode(text: string): Session | undefined {
  const value = parseJson(text)
  return isJsonObject(value) && value['version'] === 1 ? (value as unknown as Session) : undefined
}

async function reachable<Value>(command: Promise<Value>): Promise<Value> {
  try {
    return await command
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new GitwakeError('redis-unavailable', `Redis cannot be used: ${why}`, {
      fix: 'Check that Redis runs, that REDIS_URL names it, and that it is neither full nor read-only; then try again.',
      retryable: true,
      cause: error,
    })
  }
}
