import assert from 'node:assert/strict'
import { test } from 'node:test'
import { classifyAnswer } from '../../src/cluster/errors.ts'
import type { PlannedChange } from '../../src/model/plan.ts'
import { refusedChange } from '../../src/sync/refusal.ts'

const change: PlannedChange = {
  object: { group: '', kind: 'ConfigMap', namespace: 'shop', name: 'settings' },
  action: 'created',
  stage: 2,
  reason: 'not in the cluster',
  operation: { verb: 'none' },
}

function fixOf(status: number, message: string): string | undefined {
  const answer = { status, path: '/', headers: {}, text: JSON.stringify({ kind: 'Status', message, code: status }) }
  return refusedChange(change, { ok: false, ...classifyAnswer(answer) }).fix
}

for (const [what, status, message, fix] of [
  ['an error of the API server itself', 500, 'etcd is on fire', /^Nothing to do: it is tried again/],
  ['a typo, which is answered 500 too', 500, 'failed to create typed patch object (a; v1, Kind=b): .spec.x: field not declared', /in Git/],
  ['what a policy denies', 422, 'denied', /in Git/],
] as const) {
  test(`${what} (${status}) comes with a fix that helps`, () => assert.match(fixOf(status, message) ?? '', fix))
}
