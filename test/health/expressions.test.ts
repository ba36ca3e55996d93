import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { expressionProblems, judgeByExpressions } from '../../src/health/expressions.ts'
import { createHealthRules } from '../../src/health/rules.ts'
import type { HealthExpressions } from '../../src/model/configuration.ts'
import type { Json } from '../../src/model/json.ts'
import type { LiveObject } from '../../src/model/object.ts'

const isTrue = (type: string): string => `status.conditions.exists(c, c.type == '${type}' && c.status == 'True')`
const DATABASE: HealthExpressions = {
  group: 'acme.example',
  kind: 'Database',
  inProgress: "has(status.phase) && status.phase in ['Creating', 'Restoring']",
  failed: "has(status.phase) && status.phase == 'Broken'",
  current: 'status.readyShards == spec.shards',
  message: "string(status.readyShards) + ' of ' + string(spec.shards) + ' shards'",
}

function database(status: Json | undefined, metadata: object = {}): LiveObject {
  return {
    apiVersion: 'acme.example/v1',
    kind: 'Database',
    metadata: { name: 'db', generation: 2, ...metadata },
    spec: { shards: 3 },
    ...(status !== undefined && { status }),
  }
}
const told = (expressions: HealthExpressions, object: LiveObject): string => {
  const { status, message } = judgeByExpressions(expressions)(object)
  return `${status}: ${message}`
}
const current = (expression: string): HealthExpressions => ({ group: 'acme.example', kind: 'Database', current: expression })

describe('health by expressions', () => {
  for (const [what, status, expected] of [
    ['asks whether it is in progress first', { phase: 'Creating', readyShards: 3 }, 'in progress: 3 of 3 shards'],
    ['then whether it has failed', { phase: 'Broken', readyShards: 3 }, 'failed: 3 of 3 shards'],
    ['then whether it is current', { readyShards: 3 }, 'current: 3 of 3 shards'],
    ['and takes everything else for in progress', { readyShards: 2 }, 'in progress: 2 of 3 shards'],
    ['does without a message that cannot be made', { phase: 'Broken' }, 'failed: It has failed'],
  ] as const) {
    test(what, () => assert.equal(told(DATABASE, database(status)), expected))
  }

  test('comes after deletion and a controller that lags behind', () => {
    const deleted = database({ readyShards: 3 }, { deletionTimestamp: '2026-01-01T00:00:00Z' })
    assert.equal(told(DATABASE, deleted), 'terminating: It is being deleted')
    const lagging = database({ readyShards: 3, observedGeneration: 1 })
    assert.equal(told(DATABASE, lagging), 'in progress: The controller has seen generation 1, not yet 2')
  })

  test('can ask an object without a status whether it has one', () => {
    assert.equal(told(current(`has(status.conditions) && ${isTrue('Ready')}`), database(undefined)), 'in progress: It is in progress')
    assert.equal(told(current("status.?phase.orValue('') == 'Up'"), database(undefined)), 'in progress: It is in progress')
    assert.equal(told(current(isTrue('Ready')), database({ conditions: [{ type: 'Ready', status: 'True' }] })), 'current: It is ready')
  })

  test('counts whole numbers as CEL does', () => {
    assert.equal(told(current('spec.shards % 2 == 1 && spec.shards / 2 == 1'), database({})), 'current: It is ready')
    assert.equal(told(current('status.ratio > 0.5'), database({ ratio: 0.75 })), 'current: It is ready')
  })

  for (const [what, expression, status, reason] of [
    ['a field that is missing', 'status.phase == "Up"', {}, /current: No such key: phase/],
    ['an answer that is neither true nor false', 'status.phase', { phase: 'Up' }, /current yields string, not true or false/],
    ['an answer that is a number', 'status.ready', { ready: 3 }, /current yields int, not true or false/],
    ['a comparison of what cannot be compared', 'status.phase > 3', { phase: 'Up' }, /current: /],
    ['an endless regular expression', "status.phase.matches('(a+)+$')", { phase: `${'a'.repeat(60)}!` }, /took longer than 200 ms/],
    [
      'loops within loops',
      'status.list.all(a, status.list.all(b, status.list.all(c, a + b + c >= 0)))',
      { list: Array.from({ length: 3000 }, (_, index) => index) },
      /took longer than 200 ms/,
    ],
  ] as const) {
    test(`does not know, and says why: ${what}`, () => {
      const { status: health, message } = judgeByExpressions(current(expression))(database(status as Json))
      assert.equal(health, 'unknown')
      assert.match(message, reason)
      assert(!message.includes('\n'), message)
    })
  }

  test('cannot reach out of the object', () => {
    for (const expression of ['status.constructor == 1', 'status.__proto__ == 1', 'object.toString == 1']) {
      const { status, message } = judgeByExpressions(current(expression))(database({}))
      assert.equal(status, 'unknown')
      assert.match(message, /No such key/)
    }
    assert.notDeepEqual(expressionProblems({ current: 'process.exit() == 1' }), [])
  })
})

describe('expressions are refused before they are used', () => {
  for (const [expression, message] of [
    ['status.phase ==', /not a valid CEL expression: .*EOF/],
    ['statsu.phase == "Up"', /Unknown variable: statsu/],
    ['1 + "a" == 2', /no such overload/],
    ['size(status.list)', /must yield true or false, not int/],
    ['sleep(10)', /not a valid CEL expression/],
  ] as const) {
    test(expression, () => {
      const [problem, ...others] = expressionProblems({ current: expression })
      assert.deepEqual([problem?.field, others], ['current', []])
      assert.match(problem?.message ?? '', message)
    })
  }

  test('a message yields text', () => {
    assert.match(expressionProblems({ current: 'true', message: 'true' })[0]?.message ?? '', /must yield text, not bool/)
    assert.deepEqual(expressionProblems(DATABASE), [])
  })
})

test('the expressions of a cluster replace what is built in for their kind, and nothing else', async () => {
  const expressions = { group: '', kind: 'ConfigMap', current: "data.ready == 'yes'" }
  const rules = await createHealthRules([expressions, current(isTrue('Up'))])
  const configMap = (ready: string): LiveObject => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { ready } })
  assert.deepEqual([rules.of(configMap('yes'), 0).status, rules.of(configMap('no'), 0).status], ['current', 'in progress'])
  assert.deepEqual([rules.has({ group: '', kind: 'ConfigMap' }), rules.has({ group: '', kind: 'Secret' })], [true, false])
  assert.equal(rules.of({ apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'a' } }, 0).message, 'The Job has not started yet')
})
