import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { loadAll } from 'js-yaml'
import { hasHealth } from '../../src/health/has-health.ts'
import { healthOf } from '../../src/health/health.ts'
import { worstHealth } from '../../src/model/health.ts'
import type { Json } from '../../src/model/json.ts'
import { groupOf, type LiveObject } from '../../src/model/object.ts'
import { checkoutRoot } from '../support/checkout.ts'

/** The fixtures are as seen at this moment; each object carries what it should be told as in an annotation. */
const NOW = Date.parse('2026-01-01T00:01:00Z')
const folder = join(checkoutRoot, 'test/fixtures/health')

for (const file of (await readdir(folder)).toSorted()) {
  for (const object of loadAll(await readFile(join(folder, file), 'utf8')) as readonly LiveObject[]) {
    const expected = object.metadata.annotations?.['expected-health'] ?? ''
    test(`${object.kind} ${object.metadata.name} is ${expected}`, () => {
      const { status, message } = healthOf(object, NOW)
      assert.equal(`${status}: ${message}`, expected)
    })
    test(`${object.kind} ${object.metadata.name} is waited for if there is anything to wait for`, () => {
      // What is being deleted is told by every kind; no wait makes it current.
      const { status } = healthOf(object, NOW)
      if (status !== 'current') assert(hasHealth({ group: groupOf(object.apiVersion), kind: object.kind }))
    })
  }
}

test('kinds that are done when they exist are not waited for', () => {
  for (const [group, kind] of [
    ['', 'ConfigMap'],
    ['', 'Secret'],
    ['', 'ServiceAccount'],
    ['rbac.authorization.k8s.io', 'ClusterRole'],
    ['networking.k8s.io', 'NetworkPolicy'],
    ['networking.k8s.io', 'Ingress'],
    ['batch', 'CronJob'],
  ] as const) {
    assert.equal(hasHealth({ group, kind }), false, kind)
  }
})

test('an object of any shape has a health and breaks nothing', () => {
  const json = fc.jsonValue().map((value) => value as Json)
  const kinds = ['apps/v1 Deployment', 'apps/v1 StatefulSet', 'v1 Pod', 'batch/v1 Job', 'v1 Service', 'acme.example/v1 Widget']
  fc.assert(
    fc.property(fc.constantFrom(...kinds), json, json, json, (kind, spec, status, generation) => {
      const [apiVersion = '', name = ''] = kind.split(' ')
      const object = { apiVersion, kind: name, metadata: { name: 'x', generation }, spec, status } as LiveObject
      const health = healthOf(object, NOW)
      assert(['current', 'in progress', 'failed', 'terminating'].includes(health.status))
      assert.notEqual(health.message, '')
    }),
  )
})

test('the worst of many decides', () => {
  assert.equal(worstHealth([]), 'current')
  assert.equal(worstHealth(['current', 'in progress', 'current']), 'in progress')
  assert.equal(worstHealth(['terminating', 'failed', 'in progress']), 'failed')
})
