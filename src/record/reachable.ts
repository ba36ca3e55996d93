import { GitwakeError } from '../model/error.ts'

/** What a query answers, or `redis-unavailable`. */
export async function reachable<Value>(query: Promise<Value>): Promise<Value> {
  try {
    return await query
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new GitwakeError('redis-unavailable', `Redis cannot be read: ${why}`, {
      fix: 'Check that Redis runs and that REDIS_URL names it, then try again.',
      retryable: true,
      cause: error,
    })
  }
}
