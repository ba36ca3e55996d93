import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Heal } from '../../src/model/fight.ts'
import { objectKey } from '../../src/model/object.ts'
import { fightsIn, leaveFight } from '../../src/plan/fights.ts'

const object = { group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'web' }
const heal = (at: number, more: Partial<Heal> = {}): Heal => ({
  object: objectKey(object),
  field: 'spec.replicas',
  manager: 'hpa',
  revision: 'r1',
  at: at * 60_000,
  ...more,
})

describe('a fight over a field', () => {
  const cases: readonly [string, readonly Heal[], number][] = [
    ['five heals within ten minutes', [0, 1, 2, 3, 4].map((at) => heal(at)), 1],
    ['four heals', [0, 1, 2, 3].map((at) => heal(at)), 0],
    ['five heals in an hour', [0, 15, 30, 45, 60].map((at) => heal(at)), 0],
    ['five managers', [0, 1, 2, 3, 4].map((at) => heal(at, { manager: `m${at}` })), 0],
    ['five fields', [0, 1, 2, 3, 4].map((at) => heal(at, { field: `data.${at}` })), 0],
    ['five commits', [0, 1, 2, 3, 4].map((at) => heal(at, { revision: `r${at}` })), 0],
  ]
  for (const [name, heals, fights] of cases) {
    const now = Math.max(...heals.map(({ at }) => at))
    it(`is ${fights === 0 ? 'not ' : ''}seen in ${name}`, () => assert.equal(fightsIn(heals, now).length, fights))
  }

  const drift = (...fields: string[]) =>
    ({ object, action: 'configured', reason: '', drift: fields.map((field) => ({ field, manager: 'hpa', at: undefined })) }) as const
  const fight = (field: string) => ({ ...heal(0, { field }), times: 5 })

  it('is left, with the other manager and the rule that settles it', () => {
    const left = leaveFight(drift('spec.replicas'), [fight('spec.replicas')])
    assert.equal(left?.action, 'skipped')
    assert.match(left?.reason ?? '', /hpa has taken spec\.replicas back 5 times/)
    assert.match(left?.fix ?? '', /\{group: apps, kind: Deployment, namespace: shop, name: web, fields: \['\/spec\/replicas'\]\}/)
  })

  it('writes the pointer of a list item and of a name with a slash', () => {
    const fields = ['spec.containers[name=web].image', 'metadata.labels[example.com/owner]']
    const fix = leaveFight(drift(...fields), fields.map(fight))?.fix ?? ''
    assert.ok(fix.includes(`'/spec/containers/[name=web]/image', '/metadata/labels/example.com~1owner'`), fix)
  })

  it('does not keep other drift of the object from being healed', () => {
    assert.equal(leaveFight(drift('spec.replicas', 'spec.paused'), [fight('spec.replicas')]), undefined)
    assert.equal(leaveFight(drift(), [fight('spec.replicas')]), undefined)
  })
})
