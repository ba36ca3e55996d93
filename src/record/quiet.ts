import type { SyncResult } from '../model/result.ts'

/** Nobody asked for it, and it did nothing: a drift that turned out to be none. It is a fact about now, no part of what was done. */
export function isIdleLook({ reason, outcome, changes }: SyncResult): boolean {
  return reason === 'drift' && outcome === 'synced' && changes.length === 0
}

/** Results that did nothing, of which the history keeps the newest in a row; what became of each commit stands in the ledger all the same. */
export function quietKind(result: SyncResult): 'idle' | 'unaffected' | undefined {
  if (isIdleLook(result)) return 'idle'
  return result.outcome === 'not affected' ? 'unaffected' : undefined
}

/**
 * KEYS: history (sorted set), the newest quiet result of a kind in it. ARGV: the one that comes, its time.
 * Takes the one before out, unless that is newer: another replica may be ahead.
 */
export const REPLACE_QUIET = `
local before = redis.call('GET', KEYS[2])
local score = before and redis.call('ZSCORE', KEYS[1], before)
if score and tonumber(score) > tonumber(ARGV[2]) then return end
if score and before ~= ARGV[1] then redis.call('ZREM', KEYS[1], before) end
redis.call('SET', KEYS[2], ARGV[1])
`
