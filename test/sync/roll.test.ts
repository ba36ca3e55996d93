import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { InventoryEntry, OwnedEntry } from '../../src/model/inventory.ts'
import { applySetId } from '../../src/model/names.ts'
import { groupKindKey, objectKey } from '../../src/model/object.ts'
import type { Glimpse, ObservedObject, Unlistable } from '../../src/model/observation.ts'
import { openRoll } from '../../src/sync/roll.ts'
import { emptyInventory } from '../../src/sync/tracking.ts'

const NAMESPACE = 'inventories'
const SHOP = applySetId('shop', NAMESPACE)
const object = { group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'api' }
const owned: OwnedEntry = {
  status: 'owned',
  object,
  version: 'v1',
  uid: 'u1',
  sent: 's',
  fields: 'f',
  resourceVersion: '7',
  generation: 1,
  definition: 'crd 1',
}
const nothingElse = { unlistable: new Map<string, Unlistable>(), definitions: new Map<string, string>() }

function rollOf(entry: InventoryEntry = owned) {
  const inventory = { ...emptyInventory('shop', 'i'), entries: new Map([[objectKey(object), entry]]) }
  return openRoll([{ inventory, shards: new Map() }], NAMESPACE, { hasHealth: () => true })
}

function glimpse(changes: Partial<ObservedObject> & { readonly applySet?: string } = {}): Glimpse & { readonly decoded: () => number } {
  const { applySet = SHOP, ...rest } = changes
  const seen: ObservedObject = {
    object,
    version: 'v1',
    uid: 'u1',
    resourceVersion: '7',
    generation: 1,
    createdAt: '',
    terminating: false,
    labels: {},
    annotations: {},
    controller: undefined,
    definition: 'crd 1',
    fields: 'f',
    managedFields: [],
    ...rest,
  }
  let decoded = 0
  const { uid, resourceVersion, terminating, definition } = seen
  const decode = (): ObservedObject => ((decoded += 1), seen)
  return { key: objectKey(object), applySet, uid, resourceVersion, terminating, definition, decode, decoded: () => decoded }
}

function found(...glimpses: readonly Glimpse[]) {
  const roll = rollOf()
  for (const one of glimpses) roll.show(one)
  const [first] = roll.close(nothingElse)
  assert.ok(first)
  return { reasons: first.deviations.map(({ reason }) => reason), present: first.present.length, healthState: first.healthState }
}

test('what has the resourceVersion of our own write is not even decoded', () => {
  const still = glimpse()
  assert.deepEqual(found(still).reasons, [])
  assert.equal(still.decoded(), 0)
})

test('a status update is no deviation, and moves the state of health', () => {
  const moved = glimpse({ resourceVersion: '8' })
  assert.deepEqual(found(moved).reasons, [])
  assert.equal(moved.decoded(), 1)
  assert.notEqual(found(moved).healthState, found(glimpse()).healthState)
})

const deviating: readonly (readonly [string, Parameters<typeof glimpse>[0], string])[] = [
  ['a field that was taken away', { resourceVersion: '8', fields: 'g' }, 'drifted'],
  ['a new generation under our fields', { resourceVersion: '8', generation: 2 }, 'suspect'],
  ['another object under the name, at the same number', { uid: 'u2' }, 'recreated'],
  ['an object that is being deleted', { terminating: true }, 'terminating'],
  ['another schema behind an object that nobody wrote', { definition: 'crd 2' }, 'suspect'],
  ['an object that another application labelled', { applySet: 'other' }, 'missing'],
]
for (const [what, changes, reason] of deviating) {
  test(`${what} is told as ${reason}`, () => assert.deepEqual(found(glimpse(changes)).reasons, [reason]))
}

test('a list that starts again shows objects twice: the later look counts, once', () => {
  const again = found(glimpse({ resourceVersion: '8', fields: 'g' }), glimpse({ resourceVersion: '9', fields: 'g' }))
  assert.deepEqual(again.reasons, ['drifted'])
  assert.equal(again.present, 1)
  assert.deepEqual(found(glimpse({ resourceVersion: '8', fields: 'g' }), glimpse()).reasons, [])
})

test('an object that was announced and not recorded as written is suspect', () => {
  const roll = rollOf({ status: 'intended', object, version: 'v1', since: '2026-01-01T00:00:00Z' })
  roll.show(glimpse())
  assert.deepEqual(
    roll.close(nothingElse)[0]?.deviations.map(({ reason }) => reason),
    ['suspect'],
  )
})

test('nothing is missing of a kind that could not be listed to its end', () => {
  const roll = rollOf()
  assert.deepEqual(
    roll.close({ ...nothingElse, unlistable: new Map([[groupKindKey(object), { reason: 'timeout', isForbidden: false }]]) })[0]?.deviations,
    [],
  )
})
