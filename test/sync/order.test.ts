import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openAdmissionWebhook } from './admission-webhook.ts'
import { annotated, deployment, hook, jobsOf, told, wave, writesOf } from './ordered.ts'
import { configMap, openWorkbench, type Subject, type Workbench } from './workbench.ts'

describe('the order of a sync', { timeout: 300_000 }, () => {
  let bench: Workbench
  before(async () => {
    bench = await openWorkbench()
  })
  after(() => bench.close())

  const writes = (app: Subject, position: number): Promise<string[]> => writesOf(bench, app, position)
  const jobs = (app: Subject): Promise<string[]> => jobsOf(bench, app)

  it('starts a wave when those before it are healthy, and prunes the other way round', async () => {
    const app = await bench.subject(
      {
        'last.json': annotated('last', { 'argocd.argoproj.io/sync-wave': '2' }),
        'web.json': deployment('web', 'nginx', wave(1)),
        'first.json': annotated('first', wave(-1)),
        'kept.json': configMap('kept', {}),
      },
      { healthTimeoutMs: 60_000 },
    )
    const position = await bench.audit.position()
    const result = await app.sync()
    assert.equal(result.outcome, 'synced', told(result))
    const order = await writes(app, position)
    assert.deepEqual(order, ['patch configmaps/first', 'patch configmaps/kept', 'patch deployments/web', 'patch configmaps/last'])
    const last = await bench.api('GET', `/api/v1/namespaces/${app.namespace}/configmaps/last`)
    const web = await bench.api('GET', `/apis/apps/v1/namespaces/${app.namespace}/deployments/web`)
    const { conditions } = web.status as { conditions: { type: string; lastTransitionTime: string }[] }
    const available = conditions.find(({ type }) => type === 'Available')?.lastTransitionTime ?? ''
    const { creationTimestamp } = last.metadata as unknown as { creationTimestamp: string }
    assert.ok(
      available !== '' && creationTimestamp >= available,
      `last was made at ${creationTimestamp}, web was available at ${available}`,
    )

    await app.repository.commit({ 'first.json': null, 'web.json': null, 'last.json': null })
    const before = await bench.audit.position()
    const pruned = await app.sync()
    assert.equal(pruned.counts.pruned, 3, told(pruned))
    const deletes = (await writes(app, before)).filter((line) => line.startsWith('delete'))
    assert.deepEqual(deletes, ['delete configmaps/last', 'delete deployments/web', 'delete configmaps/first'])
  })

  it('does not start a wave behind one that fails, says which object, and goes on once that is mended', async () => {
    const app = await bench.subject(
      { 'web.json': deployment('web', 'image-missing'), 'last.json': annotated('last', wave(1)) },
      { healthTimeoutMs: 60_000 },
    )
    const result = await app.sync()
    assert.equal(result.outcome, 'failed', told(result))
    assert.equal(result.problem?.code, 'wave-not-healthy')
    assert.match(result.message, /^wave 1 was not started, because an earlier one is not healthy: Deployment\/.*\/web is failed/)
    assert.deepEqual(result.counts, { created: 2, skipped: 1 }, told(result))
    assert.equal(result.health.status, 'failed')
    const last = `/api/v1/namespaces/${app.namespace}/configmaps/last`
    assert.equal((await bench.api('GET', last, undefined, { mayFail: true })).code, 404)

    await app.repository.commit({ 'web.json': deployment('web', 'nginx') })
    const mended = await app.sync()
    assert.equal(mended.outcome, 'synced', told(mended))
    assert.equal((await bench.api('GET', last)).kind, 'ConfigMap')
  })

  it('waits for an earlier wave although this commit does not touch it, and not at all where nothing has a wave', async () => {
    const app = await bench.subject({ 'web.json': deployment('web', 'never-ready'), 'a.json': configMap('a', {}) }, { healthTimeoutMs: 0 })
    assert.equal((await app.sync()).outcome, 'synced')
    const policy = { healthTimeoutMs: 1_500 }
    await app.repository.commit({ 'last.json': annotated('last', wave(1)) })
    const kept = await app.sync({ policy })
    assert.equal(kept.problem?.code, 'wave-not-healthy', told(kept))
    assert.equal(kept.problem.retryable, true, 'what comes up late is tried again')
    await app.repository.commit({ 'last.json': configMap('last', {}) })
    const free = await app.sync({ policy })
    assert.equal(free.outcome, 'synced', told(free))
  })

  it('writes nothing of a new commit while another application must come first, but still undoes drift of the one before', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }) })
    const asked: (string | undefined)[] = []
    const blocked = { for: 'dependencies', why: 'api has failed', blockedBy: [{ application: 'api', why: 'has failed' }] } as const
    const dependencies = {
      early: async () => undefined,
      late: async (revision: string | undefined) => {
        asked.push(revision)
        return blocked
      },
    }
    const first = await app.sync({ reason: 'push', dependencies })
    assert.equal(first.outcome, 'waiting', told(first))
    assert.equal(first.message, 'waits for api, which has failed')
    assert.deepEqual(first.waiting, blocked)
    assert.deepEqual(asked, [first.revision])
    assert.equal((await app.sync({ reason: 'push' })).outcome, 'synced')
    const path = `/api/v1/namespaces/${app.namespace}/configmaps/a`
    await bench.api('PATCH', path, { data: { x: 'hand' } }, { contentType: 'application/merge-patch+json' })
    const healed = await app.sync({ reason: 'drift', dependencies })
    assert.equal(healed.counts.configured, 1, told(healed))
    assert.equal((await app.sync({ reason: 'push', dependencies })).outcome, 'not affected')
    assert.equal(asked.length, 1, 'what is applied already needs nobody')
    await app.repository.commit({ 'a.json': configMap('a', { x: '2' }) })
    const early = { ...dependencies, early: async () => blocked }
    assert.equal(
      (await app.sync({ reason: 'push', dependencies: early })).revision,
      undefined,
      'nothing is fetched while it is being synced',
    )
    assert.match(JSON.stringify((await bench.api('GET', path)).data), /"x":"1"/)
  })

  it('starts no wave behind an object that is refused before the first write, partial or not', async () => {
    const typo = deployment('web', 'nginx').replace('"replicas"', '"replcias"')
    const app = await bench.subject(
      {
        'web.json': typo,
        'a.json': configMap('a', {}),
        'check.json': hook('check', { 'gitwake.dev/hook': 'sync' }),
        'early.json': annotated('early', wave(-1)),
        'late.json': annotated('late', wave(1)),
      },
      { partial: true },
    )
    const result = await app.sync({ reason: 'push' })
    assert.equal(result.outcome, 'failed', told(result))
    assert.equal(result.problem?.code, 'wave-failed', told(result))
    assert.match(result.message, /^wave 1 was not started, because Deployment\/.*\/web of an earlier one failed: apply refused: .*replcias/)
    const ended = Object.fromEntries(result.changes.map(({ object, action }) => [object.name, action]))
    const { web, a, early, late, check } = ended
    assert.deepEqual({ web, a, early, late, check }, { web: 'failed', a: 'created', early: 'created', late: 'skipped', check: 'skipped' })

    await app.repository.commit({ 'web.json': deployment('web', 'nginx') })
    const mended = await app.sync({ reason: 'push' })
    assert.equal(mended.outcome, 'synced', told(mended))
    assert.deepEqual(await jobs(app), ['check'])
  })

  it('starts no wave behind what is kept back by an object that is refused', async () => {
    const pod = deployment('web', 'nginx').replace('"image":"nginx"', '"image":"nginx","envFrom":[{"configMapRef":{"name":"settings"}}]')
    const settings = JSON.stringify({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'settings', annotations: wave(5) },
      datum: {},
    })
    const app = await bench.subject(
      { 'web.json': pod, 'settings.json': settings, 'late.json': annotated('late', wave(1)) },
      { partial: true },
    )
    const result = await app.sync({ reason: 'push' })
    assert.match(
      result.message,
      /^wave 1 was not started, because Deployment\/.*\/web of an earlier one is kept back: blocked by ConfigMap/,
      told(result),
    )
  })

  it('brings an operator with its webhook and what the webhook judges in one commit, and again while the operator restarts', async () => {
    const webhook = await openAdmissionWebhook()
    try {
      const app = await bench.subject({ 'readme.md': '' })
      const files = (x: string) => ({
        'operator.json': deployment('operator', `nginx:${x}`),
        'webhook.json': webhook.manifest(app.namespace, app.namespace),
        'a.json': configMap('a', { x }),
      })
      await app.repository.commit(files('1'))
      const first = await app.sync({ reason: 'push' })
      assert.equal(first.outcome, 'synced', told(first))
      await app.repository.commit(files('2'))
      // It comes up only once its Deployment is written: all that is to be written is asked about before, and refused.
      const destination = {
        ...bench.destination,
        apply: async (...parts: Parameters<typeof bench.destination.apply>) => {
          const answer = await bench.destination.apply(...parts)
          if (parts[0].manifest.kind === 'Deployment') setTimeout(() => void webhook.start(), 1_000)
          return answer
        },
      }
      const second = await app.sync({ reason: 'push', destination })
      assert.equal(second.outcome, 'synced', told(second))
      assert.equal(second.counts.configured, 2, told(second))
      assert.ok(webhook.seen.includes('a'), 'it was let pass by the webhook')
      await app.repository.commit({ 'webhook.json': null })
      assert.equal((await app.sync({ reason: 'push' })).counts.pruned, 1)
    } finally {
      await webhook.close()
    }
  })

  it('starts a wave only when the Jobs of those before it are complete', async () => {
    const app = await bench.subject({ 'job.json': hook('load', wave(-1)), 'a.json': configMap('a', {}) }, { healthTimeoutMs: 60_000 })
    const result = await app.sync({ reason: 'push' })
    assert.equal(result.outcome, 'synced', told(result))
    const { status } = await bench.api('GET', `/apis/batch/v1/namespaces/${app.namespace}/jobs/load`)
    assert.match(JSON.stringify(status), /"type":"Complete"/)
    await app.repository.commit({
      'job.json': null,
      'broken.json': hook('broken', wave(-1), 'job-fail'),
      'a.json': configMap('a', { x: '1' }),
    })
    const kept = await app.sync({ reason: 'push' })
    assert.equal(kept.problem?.code, 'wave-not-healthy', told(kept))
    assert.match(kept.message, /Job\/.*\/broken is failed/)
  })
})
