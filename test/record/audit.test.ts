import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { check, type AuditEntry, type AuditHead, type Verdict } from '../../src/model/audit.ts'
import { clusterKeys, receiverKeys } from '../../src/model/keys.ts'
import { maskSecrets } from '../../src/model/mask.ts'
import { createAudit } from '../../src/record/audit/audit.ts'
import { createAuditStore, type AuditStore } from '../../src/record/audit/store.ts'
import { syncEvent } from '../../src/record/audit/sync-event.ts'
import { auditConfiguration, auditedIntake } from '../../src/roles/audited.ts'
import { startFold } from '../../src/record/fold.ts'
import { delivery, failed, resultOf, type Setup, setUp, silent, targetOf, trigger } from '../queue/setup.ts'
import { until } from '../queue/until.ts'
import { sampleChange, sampleResult } from '../web/samples.ts'

const asked = (number: number) => ({ at: number, actor: 'ada', action: 'sync asked', detail: { number } }) as const

function openStore(setup: Setup, retention = { ageMs: 0, bytes: 1_000_000 }, now = Date.now, known?: AuditHead): AuditStore {
  return createAuditStore({ redis: setup.connections.producer, retention, now, known: () => known })
}

async function verdictOf(store: AuditStore): Promise<Verdict> {
  const anchor = await store.anchor()
  const entries = await store.entries(0, 10_000)
  return entries.reduce((verdict: Verdict, entry) => check(verdict, entry, anchor), { entries: 0, gaps: [] })
}

const told = (entries: readonly AuditEntry[]): readonly string[] =>
  entries.map(({ action, detail }) => `${action} ${detail['number'] ?? ''}`.trim())

describe('the audit log', () => {
  test('is one chain, however many write it at once', async () => {
    await using setup = await setUp()
    const stores = [openStore(setup), openStore(setup), openStore(setup)]
    await Promise.all(
      stores.flatMap((store, index) => [1, 2, 3, 4, 5].map((number) => store.append([asked(10 * index + number), asked(0)]))),
    )
    const [store] = stores
    const verdict = await verdictOf(store as AuditStore)
    assert.deepEqual([verdict.broken, verdict.entries, verdict.first?.seq, verdict.last?.seq], [undefined, 31, 1, 31])
    assert.equal((await store?.entries(0, 1))?.[0]?.action, 'chain started')
    assert.deepEqual(await store?.entries(31, 10), [])
  })

  test('is cut by size and by age, and what is left holds on to what was cut', async () => {
    await using setup = await setUp()
    let now = 1_000
    const small = openStore(setup, { ageMs: 0, bytes: 2_000 }, () => now)
    for (let number = 1; number <= 30; number += 1) await small.append([asked(now)])
    const kept = await small.entries(0, 100)
    assert.ok(kept.length > 3 && kept.length < 12, `${kept.length} entries are kept`)
    const verdict = await verdictOf(small)
    assert.deepEqual([verdict.broken, verdict.last?.seq, (await small.anchor())?.seq], [undefined, 31, (kept[0]?.seq ?? 0) - 1])
    const short = openStore(setup, { ageMs: 500, bytes: 1_000_000 }, () => now)
    now = 5_000
    await short.append([asked(now)])
    assert.deepEqual(
      (await short.entries(0, 100)).map(({ seq }) => seq),
      [32],
    )
    assert.equal((await verdictOf(short)).broken, undefined)
  })

  test('that Redis has lost goes on from what is known, and says so', async () => {
    await using setup = await setUp()
    const store = openStore(setup)
    await store.append([asked(1), asked(2)])
    const before = await store.entries(0, 10)
    await setup.redis.each((server) => server.flushall())
    await store.append([asked(3)])
    const after = await store.entries(0, 10)
    assert.deepEqual(told(after), ['chain started', 'sync asked 3'])
    assert.equal(after[0]?.prevHash, before.at(-1)?.hash)
    assert.match(String(after[0]?.detail['because']), /Redis has lost the log; entry 3/)
    assert.equal(
      [...before, ...after].reduce((verdict: Verdict, entry) => check(verdict, entry), { entries: 0, gaps: [] }).broken,
      undefined,
    )

    // A Redis that comes back without its last second has lost only the newest.
    const ahead = openStore(setup, undefined, Date.now, { seq: 9, hash: 'f'.repeat(64) })
    await ahead.append([asked(4)])
    const [started] = await ahead.entries(9, 10)
    assert.deepEqual(
      [started?.seq, started?.prevHash, started?.detail['because']],
      [10, 'f'.repeat(64), 'Redis has lost the entries 6 to 9'],
    )
    const { broken, gaps } = await verdictOf(ahead)
    assert.deepEqual([broken, gaps.length], [undefined, 1])
  })

  test('has every result of every cluster once, whoever folds it and however often', async () => {
    await using setup = await setUp()
    const results = [1, 2, 3, 4].map((seen) =>
      resultOf({ application: 'api', reason: 'push', seen, triggers: [] }, seen === 2 ? failed(false) : {}),
    )
    for (const result of results) await setup.redis.client.xadd(clusterKeys('prod').outcomes, '*', 'result', JSON.stringify(result))
    const fold = () => {
      const audit = createAudit({ store: openStore(setup), mask: maskSecrets, log: silent })
      const started = startFold({
        redis: setup.connections.producer,
        blocking: setup.connections.blocking,
        clusters: () => ['prod'],
        retention: { results: 9, ageMs: 0 },
        audit,
        log: silent,
      })
      return { close: () => started.close().then(() => audit.close()) }
    }
    const folds = [fold(), fold()]
    await until(async () => (await openStore(setup).entries(0, 100)).length >= 5)
    await setup.redis.client.del(receiverKeys.cursors)
    folds.push(fold())
    await until(async () => (await setup.redis.client.hget(receiverKeys.cursors, 'prod')) !== null)
    for (const one of folds) await one.close()
    const entries = await openStore(setup).entries(0, 100)
    assert.deepEqual(
      entries.map(({ detail }) => detail['ticket']),
      [undefined, 1, 2, 3, 4],
    )
    assert.equal(entries[2]?.detail['outcome'], 'failed')
  })

  test('has what comes through the door of the queue, with who and for what; secrets are masked', async () => {
    await using setup = await setUp()
    const store = openStore(setup)
    const audit = createAudit({ store, mask: maskSecrets, log: silent })
    const options = { audit, log: silent, now: Date.now }
    const intake = auditedIntake(setup.intake, options)
    const api = targetOf('api')
    await intake.acceptDelivery(delivery('d1'), [api], trigger())
    await intake.acceptDelivery(delivery('d1'), [api], trigger())
    await intake.acceptDelivery(delivery('d2'), [], trigger())
    await intake.acceptTrigger(api, trigger('manual', { actor: 'grace' }))
    await intake.confirmPlan(api, 'sha256:abc', 'grace')
    await intake.depart(api, 'detach', 'hopper')
    await intake.say(api, { suspension: { active: true, by: 'ada', at: 1, reason: 'moved to https://u:hunter2@db.example.org' } })
    await intake.say(api, { suspension: { active: false, by: 'ada', at: 2 } })
    await intake.say(api, { pin: { active: true, by: 'ada', at: 3, revision: 'a'.repeat(40), bad: ['b'.repeat(40)], settled: false } })
    await intake.say(api, { pin: { active: false, by: 'ada', at: 4, revision: 'a'.repeat(40), bad: [], settled: false } })
    const told = auditConfiguration(options)
    told.accepted(setup.configuration)
    await audit.close()
    const entries = await store.entries(0, 100)
    const lines = entries.map(({ action, actor, application }) => [action, actor, application ?? ''].join(' | '))
    assert.deepEqual(
      lines.toSorted().filter((line) => !line.startsWith('configuration')),
      [
        'chain started | gitwake | ',
        'delivery | ada (github) | ',
        'delivery | ada (github) | ',
        'departure asked | hopper | api',
        'plan confirmed | grace | api',
        'resumed | ada | api',
        'rolled back | ada | api',
        'suspended | ada | api',
        'sync asked | grace | api',
        'unpinned | ada | api',
      ],
    )
    assert.equal(lines.filter((line) => line.startsWith('configuration accepted')).length, 1)
    assert.doesNotMatch(JSON.stringify(entries), /hunter2/)
    assert.match(JSON.stringify(entries), /moved to https:\/\/\*\*\*@db/)
    assert.equal((await verdictOf(store)).broken, undefined)
  })

  test('keeps what it is told while Redis is away, and counts what it cannot keep', async () => {
    await using setup = await setUp()
    const store = openStore(setup, { ageMs: 0, bytes: 100_000_000 })
    const audit = createAudit({ store, mask: maskSecrets, log: silent })
    await setup.redis.kill()
    for (let number = 0; number < 5_010; number += 1) audit.note(asked(number))
    await assert.rejects(audit.record(asked(1)), { code: 'redis-unavailable' })
    await setup.redis.restart()
    await until(async () => (await store.entries(0, 1).catch(() => [])).length > 0)
    await audit.close()
    const entries = await store.entries(0, 10_000)
    assert.deepEqual(
      entries.filter(({ action }) => action === 'entries lost').map(({ detail }) => detail),
      [{ entries: 10 }],
    )
    assert.equal(entries.filter(({ action }) => action === 'sync asked').length, 5_000)
    assert.equal((await verdictOf(store)).broken, undefined)
  })
})

test('a sync is told with its exact changes, as far as they fit', () => {
  const diff = [{ field: 'spec.replicas', op: 'change', before: 2, after: 3 }] as const
  const whole = syncEvent(sampleResult({ changes: [sampleChange({ diff })] }))
  assert.deepEqual([whole.actor, whole.action, whole.application], ['worker of prod', 'sync', 'shop-prod'])
  assert.deepEqual(Reflect.get(Object(whole.detail['changes']), 0).diff, diff)
  const wide = Array.from({ length: 100 }, () => sampleChange({ diff: [{ field: 'data.x', op: 'add', after: 'y'.repeat(2_000) }] }))
  assert.equal(syncEvent(sampleResult({ changes: wide })).detail['withoutFields'], true)
  const many = syncEvent(sampleResult({ changes: Array.from({ length: 5_000 }, () => sampleChange({})) }))
  assert.ok(JSON.stringify(many).length < 80_000)
  assert.equal((many.detail['changes'] as readonly object[]).length + Number(many.detail['moreChanges']), 5_000)
})
