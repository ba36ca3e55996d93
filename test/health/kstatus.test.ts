import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { load } from 'js-yaml'
import { healthOf } from '../../src/health/health.ts'
import type { HealthStatus } from '../../src/model/health.ts'
import type { LiveObject } from '../../src/model/object.ts'
import { goModuleFolder } from '../support/go-module.ts'

/** The version whose own tests are the oracle. */
const VERSION = 'v0.37.2'
const STATUSES: Readonly<Record<string, HealthStatus>> = {
  Current: 'current',
  InProgress: 'in progress',
  Failed: 'failed',
  Terminating: 'terminating',
}

const source = await readFile(join(goModuleFolder('sigs.k8s.io/cli-utils', VERSION), 'pkg/kstatus/status/status_compute_test.go'), 'utf8')
/** Go: ``var podReady = `…YAML…` `` */
const manifests = new Map([...source.matchAll(/^var (\w+) = `([^`]*)`/gm)].map(([, name = '', text = '']) => [name, text]))
/** Go: `spec: podReady, expectedStatus: CurrentStatus`; one of them has its creation time filled in by Sprintf. */
const cases = [...source.matchAll(/spec:\s+(?:fmt\.Sprintf\()?(\w+)[^\n]*\n\s*expectedStatus:\s+(\w+)Status,/g)]

test('the tests of kstatus itself are there to be asked', () => {
  assert(cases.length >= 50, `${cases.length} cases`)
})

for (const [, name = '', status = ''] of cases) {
  test(`as kstatus has it, ${name} is ${STATUSES[status]}`, () => {
    const now = Date.now()
    const text = manifests.get(name)?.replace('%s', new Date(now).toISOString())
    assert(text !== undefined, `no manifest ${name}`)
    // Some of them name a key twice.
    assert.equal(healthOf(load(text, { json: true }) as LiveObject, now).status, STATUSES[status])
  })
}
