import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SyncWindow } from '../../src/model/configuration.ts'
import type { SyncReason } from '../../src/model/job.ts'
import type { Plan } from '../../src/model/plan.ts'
import type { Standing } from '../../src/model/standing.ts'
import { withheld } from '../../src/plan/withheld.ts'
import { applicationNamed } from '../queue/setup.ts'

const object = { group: '', kind: 'ConfigMap', namespace: 'shop', name: 'a' }
const operation = { verb: 'delete', version: 'v1', uid: 'u', resourceVersion: '1' } as const
const CHANGES: Plan = { changes: [{ object, action: 'pruned', reason: 'gone', operation, stage: 0 }], held: undefined, warnings: [] }
const NOTHING: Plan = { changes: [], held: undefined, warnings: [] }
const STOPPED: Standing = { suspension: { active: true, by: 'ada', at: 0 } }
const CLOSED: SyncWindow = { kind: 'deny', schedule: '0 0 * * *', timeZone: 'UTC', durationMs: 86_400_000, manual: true }

interface Case {
  readonly what: string
  readonly reasons: readonly SyncReason[]
  readonly standing?: Standing
  readonly windows?: readonly SyncWindow[]
  readonly selfHeal?: boolean
  readonly plan?: Plan
  readonly isRefused?: boolean
  readonly hasHooks?: boolean
  readonly is: string | undefined
}

const cases: readonly Case[] = [
  { what: 'a push', reasons: ['push'], is: undefined },
  { what: 'a push to a suspended application', reasons: ['push'], standing: STOPPED, windows: [CLOSED], is: 'suspended' },
  { what: 'a push that changes nothing of a suspended one', reasons: ['push'], standing: STOPPED, plan: NOTHING, is: 'suspended' },
  { what: 'a push in a closed window', reasons: ['push'], windows: [CLOSED], is: 'waiting' },
  { what: 'a push in a closed window that changes nothing', reasons: ['push'], windows: [CLOSED], plan: NOTHING, is: undefined },
  {
    what: 'a push in a closed window that only runs hooks',
    reasons: ['push'],
    windows: [CLOSED],
    plan: NOTHING,
    hasHooks: true,
    is: 'waiting',
  },
  { what: 'a push in a closed window that is refused anyway', reasons: ['push'], windows: [CLOSED], isRefused: true, is: undefined },
  { what: 'drift in a closed window', reasons: ['drift'], windows: [CLOSED], is: 'waiting' },
  { what: 'a sync by hand in a closed window that allows it', reasons: ['push', 'manual'], windows: [CLOSED], is: undefined },
  { what: 'a sync by hand otherwise', reasons: ['manual'], windows: [{ ...CLOSED, manual: false }], is: 'waiting' },
  { what: 'drift without selfHeal', reasons: ['drift', 'drift'], selfHeal: false, is: 'drifted' },
  { what: 'drift on top of an unanswered commit, without selfHeal', reasons: ['push', 'drift'], selfHeal: false, is: undefined },
]

for (const {
  what,
  reasons,
  standing = {},
  windows = [],
  selfHeal = true,
  plan = CHANGES,
  isRefused = false,
  hasHooks = false,
  is,
} of cases) {
  test(`${what}: ${is ?? 'goes on'}`, () => {
    const application = applicationNamed('api', 'prod')
    const triggers = reasons.map((reason) => ({ reason, at: 0 }))
    const job = { application: 'api', reason: reasons.at(-1) ?? 'retry', seen: 1, triggers }
    const facts = {
      application: { ...application, sync: { ...application.sync, selfHeal } },
      job,
      standing,
      windows,
      plan,
      hasHooks,
      isRefused,
    }
    assert.equal(withheld({ ...facts, now: Date.parse('2026-03-04T12:00:00Z') })?.outcome, is)
  })
}
