import { z } from 'zod'
import { RIGHTS } from '../../model/access.ts'
import { CHANGE_ACTIONS } from '../../model/plan.ts'

/**
 * The answers of the API, as its OpenAPI document tells them. The types in src/model stay the truth: test/web/openapi.test.ts does not compile
 * where a schema lacks, forbids or invents a field of its type.
 */
const named = <Schema extends z.ZodType>(id: string, description: string, schema: Schema): Schema => schema.meta({ id, description })

const moment = (what: string) => z.int().describe(`${what}; milliseconds since 1970`)
const revision = z.string().describe('A full commit id')

export const refusal = named(
  'Refusal',
  'Why a request was not answered as it was meant.',
  z.object({
    code: z.string().describe('A literal, for programs'),
    message: z.string().describe('One sentence'),
    fix: z.string().describe('What to do about it'),
    reasons: z.array(z.string()).optional().describe('One line each, where there is more than one'),
  }),
)

export const ticket = named(
  'Ticket',
  'What one may wait for: done when the application has answered this number.',
  z.object({ application: z.string(), cluster: z.string(), wanted: z.int() }),
)

const objectId = named(
  'ObjectId',
  'One object of a cluster; group and namespace are empty for core kinds and cluster-scoped objects.',
  z.object({ group: z.string(), kind: z.string(), namespace: z.string(), name: z.string() }),
)

const origin = named(
  'Origin',
  'Where a manifest stands in the repository: the file, and the number of the YAML document in it.',
  z.object({ file: z.string(), document: z.int() }),
)

export const problem = named(
  'Problem',
  'What stopped a sync.',
  z.object({
    code: z.string(),
    message: z.string(),
    fix: z.string(),
    retryable: z.boolean().describe('Whether the same commit may succeed later without anybody changing it'),
    object: objectId.optional(),
    origin: origin.optional(),
  }),
)

const action = z.enum(CHANGE_ACTIONS)
const health = z.enum(['current', 'in progress', 'failed', 'terminating', 'unknown'])
const outcome = z.enum(['synced', 'failed', 'held', 'superseded', 'not affected', 'drifted', 'suspended', 'waiting'])
const reason = z.enum(['push', 'poll', 'drift', 'manual', 'dependency', 'retry'])
const counts = z.partialRecord(action, z.int()).describe('Objects by what happened to them')
const timings = z.record(z.string(), z.number()).describe('Milliseconds per stage')

const fieldDrift = z.object({ field: z.string(), manager: z.string().optional(), at: z.string().optional() })
const fieldChange = z.object({
  field: z.string(),
  op: z.enum(['add', 'change', 'remove']),
  before: z.unknown().optional(),
  after: z.unknown().optional(),
  lines: z.array(z.string()).optional(),
})

export const change = named(
  'Change',
  'What happens, or happened, to one object. Secrets are masked.',
  z.object({
    object: objectId,
    action,
    reason: z.string(),
    fix: z.string().optional(),
    origin: origin.optional(),
    drift: z.array(fieldDrift).optional(),
    diff: z.array(fieldChange).optional(),
    moreFields: z.int().optional(),
    stage: z.int().optional(),
    retryable: z.boolean().optional(),
    hook: z.enum(['pre-sync', 'sync', 'post-sync', 'sync-fail', 'post-delete']).optional(),
    wave: z.int().optional(),
  }),
)

const trigger = named(
  'Trigger',
  'Why a sync was asked for.',
  z.object({
    reason,
    at: moment('When'),
    delivery: z.object({ provider: z.string(), id: z.string() }).optional(),
    actor: z.string().optional(),
    revision: z.string().optional().describe('The commit that it named; a hint'),
  }),
)

const objectHealth = z.object({ object: objectId, status: health, message: z.string(), log: z.array(z.string()).optional() })

const waitsFor = named(
  'WaitsFor',
  'What a sync waits for before it writes; it goes on by itself, with the newest commit.',
  z.object({
    for: z.enum(['window', 'dependencies']),
    why: z.string(),
    until: moment('Until when, where that is known').optional(),
    blockedBy: z
      .array(
        z.object({
          application: z.string(),
          why: z.string(),
          asked: z
            .object({ revision, ticket: z.int().optional() })
            .optional()
            .describe('A commit that it had not heard of, and was asked for'),
        }),
      )
      .optional()
      .describe('The applications that it waits for'),
  }),
)

export const syncResult = named(
  'SyncResult',
  'How one sync ended.',
  z.object({
    schema: z.literal(1),
    application: z.string(),
    cluster: z.string(),
    reason,
    triggers: z.array(trigger),
    seen: z.int().describe('Every ticket up to this number is answered'),
    revision: revision.optional(),
    head: revision.optional().describe("The branch's head, where the application is pinned to another revision"),
    rendered: z.string().optional().describe('Digest of the rendered objects'),
    outcome,
    message: z.string(),
    problem: problem.optional(),
    waiting: waitsFor.optional(),
    changes: z.array(change).describe('Every change except the unchanged objects, which are only counted'),
    counts,
    warnings: z.array(z.string()),
    health: z.object({ status: health, objects: z.array(objectHealth) }),
    plan: z.string().optional().describe('Digest of a held plan, for its confirmation'),
    startedAt: moment('When it began'),
    finishedAt: moment('When it ended'),
    timings,
  }),
)

export const orphan = named(
  'Orphan',
  'An application that the configuration does not have there any more, although its objects are.',
  z.object({
    application: z.string(),
    cluster: z.string(),
    objects: z.int(),
    revision: revision.optional(),
    deletionPolicy: z.enum(['orphan', 'prune']).describe('What becomes of the objects: they stay, or are being deleted'),
    since: moment('When a sweep first found it so'),
    departure: z.enum(['detach', 'delete']).optional().describe('Asked for, and not ended yet'),
    problem: z
      .object({ message: z.string(), fix: z.string() })
      .optional()
      .describe('Why the last try to have it leave did not end it: the finalizers that it waits for, say'),
  }),
)

const suspended = z.object({ by: z.string(), reason: z.string().optional(), at: moment('Since when').optional() })

const queued = z.object({
  for: z.enum(['turn', 'retry', 'quarantine']),
  why: z.string(),
  place: z
    .object({ position: z.int().describe('1 is next'), of: z.int(), since: moment('Since when it stands there').optional() })
    .optional(),
  until: moment('When it is tried again').optional(),
})

const pinned = suspended.extend({ revision, bad: revision.optional().describe('The newest commit that it was rolled back from') })

export const applicationStatus = named(
  'ApplicationStatus',
  'Where an application stands.',
  z.object({
    application: z.string(),
    cluster: z.string(),
    namespace: z.string(),
    repository: z.string(),
    ref: z.string(),
    path: z.string(),
    head: z.object({ revision, seenAt: moment('When it was seen') }).optional(),
    applied: z.object({ revision, at: moment('When') }).optional(),
    sync: z.enum(['synced', 'out of sync', 'syncing', 'queued', 'failed', 'held', 'suspended', 'waiting', 'unknown']),
    health,
    suspended: suspended.optional(),
    pinned: pinned.optional(),
    waiting: waitsFor.optional(),
    pollFails: z
      .object({ since: moment('Since when'), problem })
      .optional()
      .describe('Present while polls of its repository fail: whoever pushes there is heard by webhooks alone'),
    queue: queued.optional().describe('Where it stands, while something is wanted that does not run yet'),
    unhealthy: z.array(objectHealth).optional().describe('What is not well, and why, as of the last look at the cluster'),
    drift: z.array(change),
    lastResult: syncResult.optional(),
    wanted: z.int(),
    done: z.int(),
    unappliedSince: moment('Since when a commit waits').optional(),
  }),
)

export const deliveryRecord = named(
  'DeliveryRecord',
  'What became of a webhook delivery.',
  z.object({
    provider: z.string(),
    id: z.string(),
    receivedAt: moment('When'),
    event: z.string(),
    ref: z.string().optional(),
    after: z.string().optional(),
    images: z.array(z.string()).optional().describe('What a registry has told of'),
    pullRequest: z
      .object({
        number: z.int(),
        action: z.enum(['opened', 'updated', 'merged', 'closed']),
        source: z.string().describe('The branch that it comes from'),
        target: z.string().describe('The branch that it goes to'),
        revision: z.string().optional(),
        isFork: z.boolean().describe('It comes from another repository'),
      })
      .optional()
      .describe('A pull or merge request: it starts nothing by itself'),
    actor: z.string().optional(),
    outcomes: z.array(
      z.object({
        application: z.string(),
        ticket: z.int(),
        state: z.enum(['pending', ...outcome.options, 'unknown application']),
        revision: revision.optional(),
        message: z.string().optional(),
        finishedAt: moment('When').optional(),
      }),
    ),
    ignored: z.string().optional().describe('Why nothing was asked for'),
  }),
)

const commitPlace = named(
  'CommitPlace',
  'A commit as one application sees it.',
  z.object({
    application: z.string(),
    cluster: z.string(),
    namespace: z.string(),
    ref: z.string(),
    state: z.enum(['queued', 'syncing', 'unknown', ...outcome.options]),
    message: z.string(),
    since: moment('When it came into this state').optional(),
    supersededBy: revision.optional(),
    health: health.optional(),
    ticket: z.int().optional(),
    objects: z.array(z.object({ object: objectId, action, reason: z.string(), fix: z.string().optional() })),
    moreObjects: z.int().optional(),
  }),
)

export const commitReport = named(
  'CommitReport',
  'What has become of a commit everywhere.',
  z.object({ revision, repositories: z.array(z.string()), applications: z.array(commitPlace) }),
)

const planSubject = z.union([
  z.object({ of: z.literal('head') }),
  z.object({ of: z.literal('ref'), ref: z.string() }),
  z.object({ of: z.literal('revision'), revision }),
  z.object({ of: z.literal('pull'), pull: z.int() }),
])

export const planReport = named(
  'PlanReport',
  'What a sync would do to a cluster now.',
  z.object({
    schema: z.literal(1),
    application: z.string(),
    cluster: z.string(),
    subject: planSubject,
    revision: revision.optional(),
    rendered: z.string().optional(),
    outcome: z.enum(['unchanged', 'changes', 'refused', 'failed']),
    message: z.string(),
    problem: problem.optional(),
    changes: z.array(change),
    counts,
    warnings: z.array(z.string()),
    held: z.object({ reason: z.string(), fix: z.string(), digest: z.string() }).optional(),
    startedAt: moment('When it began'),
    finishedAt: moment('When it ended'),
    timings,
  }),
)

export const me = named(
  'Me',
  'Whose request this is.',
  z.object({
    name: z.string().describe('As results and the audit log name them'),
    shared: z.boolean().describe('Many may stand behind the name'),
    session: z
      .object({ login: z.string(), expiresAt: moment('When it ends') })
      .optional()
      .describe('Of a person who logged in'),
    grants: z.array(z.object({ allow: z.enum(RIGHTS), applications: z.array(z.string()), clusters: z.array(z.string()) })),
  }),
)

export const readiness = named(
  'Readiness',
  'Whether requests should come here.',
  z.object({ ready: z.boolean(), checks: z.array(z.object({ name: z.string(), ok: z.boolean(), message: z.string() })) }),
)

export const accepted = named(
  'Accepted',
  'What a delivery has asked for.',
  z.object({
    delivery: z.string(),
    duplicate: z.literal(true).optional(),
    ignored: z.string().optional(),
    notAffected: z
      .array(z.string())
      .optional()
      .describe('Applications that the push touches nothing of: their tickets are answered already'),
    tickets: z.array(z.object({ application: z.string(), cluster: z.string(), ticket: z.int() })),
  }),
)

/** A refusal, together with what else its answer says. */
export function refused(more: z.ZodRawShape = {}) {
  return z.object({ error: refusal, ...more })
}

export const ticketed = z.object({ ticket })
export const answered = named('AnsweredSync', 'The result that answers a ticket.', syncResult.extend({ ticket }))
export const unanswered = named(
  'RefusedSync',
  'The result that answers a ticket, and why it is no success.',
  syncResult.extend({ ticket, error: refusal }),
)
export const suspension = z.object({ ticket, suspended })
export const rollback = z.object({
  ticket,
  pinned,
  commands: z.array(z.string()).optional().describe('What makes it a git revert'),
})
