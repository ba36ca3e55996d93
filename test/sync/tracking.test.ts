import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { IntendedEntry, Inventory, OwnedEntry } from '../../src/model/inventory.ts'
import { objectKey } from '../../src/model/object.ts'
import type { Operation, Plan } from '../../src/model/plan.ts'
import { emptyInventory, narrow, widen } from '../../src/sync/tracking.ts'

const object = { group: '', kind: 'ConfigMap', namespace: 'shop', name: 'a' }
const key = objectKey(object)
const owned: OwnedEntry = { status: 'owned', object, version: 'v1', uid: 'u1', sent: 's1', fields: 'f1', resourceVersion: '10' }
const intended: IntendedEntry = { status: 'intended', object, version: 'v1', since: '2025-01-01T00:00:00Z' }
const manifest = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'shop' } }
const NOW = Date.parse('2026-01-01T00:00:10.400Z')

const planOf = (operation: Operation): Plan => ({
  changes: [{ object, action: 'configured', reason: '', stage: 2, sent: 's2', operation }],
  held: undefined,
  warnings: [],
})
const inventoryOf = (entry?: OwnedEntry | IntendedEntry): Inventory => ({
  ...emptyInventory('shop', 'gitwake'),
  inputs: 'before',
  entries: new Map(entry && [[key, entry]]),
})
const create = { verb: 'apply', manifest, expect: 'absent', takeOver: false } as const
const configure = { verb: 'apply', manifest, expect: { uid: 'u1', resourceVersion: '10' }, takeOver: false } as const

describe('the inventory before the first write', () => {
  it('announces what will be made, a little earlier than now: the clock of the API server is known to half a second', () => {
    const entry = widen(inventoryOf(), planOf(create), NOW)?.entries.get(key)
    assert.deepEqual(entry, { ...intended, since: '2026-01-01T00:00:09Z' })
  })

  it('keeps an earlier announcement: the crash may have come after the write', () => {
    assert.equal(widen(inventoryOf(intended), planOf(create), NOW)?.entries.get(key), intended)
  })

  it('announces anew what was owned and is gone: it will have another uid', () => {
    assert.equal(widen(inventoryOf(owned), planOf(create), NOW)?.entries.get(key)?.status, 'intended')
    assert.equal(widen(inventoryOf(owned), planOf(configure), NOW)?.entries.get(key), owned)
  })

  it('no longer says that the commit before is what the cluster carries', () => {
    assert.equal(widen(inventoryOf(owned), planOf(configure), NOW)?.inputs, undefined)
    assert.equal(widen(inventoryOf(owned), planOf({ verb: 'none' }), NOW), undefined)
  })
})

describe('the inventory after a run', () => {
  const observation = { objects: new Map(), unlistable: new Map(), definitions: new Map() }
  const missed = { change: { object, action: 'skipped', reason: '', stage: 2, operation: { verb: 'none' }, missed: true } } as const
  const released = { change: { object, action: 'released', reason: '', stage: 2, operation: { verb: 'none' } } } as const
  const entryAfter = (entry: IntendedEntry, done: typeof missed | typeof released, now: number) =>
    narrow(inventoryOf(entry), [done], observation, now).entries.get(key)

  it('remembers since when an intended object is missed: the first look counts', () => {
    const first = entryAfter(intended, missed, NOW)
    assert.deepEqual(first, { ...intended, missedAt: '2026-01-01T00:00:10.400Z' })
    assert.ok(first?.status === 'intended')
    assert.deepEqual(entryAfter(first, missed, NOW + 30_000), first)
    assert.equal(entryAfter(first, released, NOW + 90_000), undefined)
  })

  it('announces anew what was missed and is wanted again; what was sent for it before counts as ours still', () => {
    const again = widen(inventoryOf({ ...intended, missedAt: '2026-01-01T00:00:01Z' }), planOf(create), NOW)
    assert.deepEqual(again?.entries.get(key), intended)
  })
})
