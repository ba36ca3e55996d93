import type { AuditEvent } from '../../model/audit.ts'
import type { JsonObject } from '../../model/json.ts'
import type { SyncResult } from '../../model/result.ts'

/** An entry is read by people and kept for long; what is beyond is counted. */
const MOST_CHARACTERS = 64 * 1024

/** What a sync did, field by field where that is known and fits. Results are masked where they are made. */
export function syncEvent(result: SyncResult): AuditEvent {
  const { application, cluster, finishedAt, revision } = result
  return {
    at: finishedAt,
    actor: `worker of ${cluster}`,
    action: 'sync',
    application,
    cluster,
    ...(revision !== undefined && { revision }),
    detail: detailOf(result),
  }
}

function detailOf({
  outcome,
  reason,
  message,
  problem,
  triggers,
  seen,
  rendered,
  changes,
  counts,
  health,
  startedAt,
}: SyncResult): JsonObject {
  const common = { outcome, reason, message, problem, triggers, ticket: seen, rendered, counts, health: health.status, startedAt }
  const bare = changes.map(({ diff: _diff, moreFields: _more, ...change }) => change)
  const fits = Math.floor((bare.length * MOST_CHARACTERS) / JSON.stringify(bare).length)
  const candidates = [
    { changes },
    { changes: bare, withoutFields: true },
    { changes: bare.slice(0, fits), withoutFields: true, moreChanges: bare.length - fits },
  ]
  const chosen = candidates.find((one) => JSON.stringify(one).length <= MOST_CHARACTERS) ?? { moreChanges: bare.length }
  // A round trip makes it plain JSON: what is undefined is not there, in the entry as in its hash.
  return JSON.parse(JSON.stringify({ ...common, ...chosen })) as JsonObject
}
