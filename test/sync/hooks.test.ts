import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { applySetId } from '../../src/model/names.ts'
import { runDeletionHooks } from '../../src/sync/deletion-hooks.ts'
import { annotated, deployment, hook, jobsOf, told, wave, writesOf } from './ordered.ts'
import { configMap, openWorkbench, type Subject, type Workbench } from './workbench.ts'

describe('the hooks of a sync', { timeout: 300_000 }, () => {
  let bench: Workbench
  before(async () => {
    bench = await openWorkbench()
  })
  after(() => bench.close())

  const writes = (app: Subject, position: number): Promise<string[]> => writesOf(bench, app, position)
  const jobs = (app: Subject): Promise<string[]> => jobsOf(bench, app)

  it('runs hooks before and after a commit, once, and leaves nothing behind that Git no longer has', async () => {
    const app = await bench.subject(
      {
        'migrate.json': hook('migrate', { 'gitwake.dev/hook': 'pre-sync' }),
        'check.json': hook('check', { 'argocd.argoproj.io/hook': 'PostSync', 'argocd.argoproj.io/hook-delete-policy': 'HookSucceeded' }),
        'tell.json': hook('tell', { 'helm.sh/hook': 'post-upgrade', 'helm.sh/hook-weight': '5' }),
        'alarm.json': hook('alarm', { 'gitwake.dev/hook': 'sync-fail' }),
        'a.json': configMap('a', { x: '1' }),
      },
      { healthTimeoutMs: 60_000 },
    )
    const position = await bench.audit.position()
    const first = await app.sync({ reason: 'push' })
    assert.equal(first.outcome, 'synced', told(first))
    const order = (await writes(app, position)).filter((line) => line.startsWith('patch'))
    assert.deepEqual(order, ['patch jobs/migrate', 'patch configmaps/a', 'patch jobs/check', 'patch jobs/tell'])
    assert.deepEqual(
      first.changes.flatMap(({ hook: phase, object, reason }) => (phase === undefined ? [] : [`${phase} ${object.name}: ${reason}`])),
      [
        'pre-sync migrate: pre-sync hook succeeded: the Job is complete',
        'post-sync check: post-sync hook succeeded: the Job is complete',
        'post-sync tell: post-sync hook succeeded: the Job is complete',
      ],
    )
    assert.deepEqual(await jobs(app), ['migrate', 'tell'], 'what its policy says is deleted')

    const again = await bench.audit.position()
    for (const reason of ['drift', 'retry', 'poll'] as const) await app.sync({ reason })
    assert.deepEqual(await writes(app, again), [], 'for this commit they have run')
    assert.equal((await app.sync({ reason: 'manual' })).counts.created, 3, 'a person may ask')

    await app.repository.commit({ 'a.json': configMap('a', { x: '2' }), 'tell.json': null })
    const second = await app.sync({ reason: 'push' })
    assert.equal(second.counts.created, 2, told(second))
    assert.equal(second.counts.configured, 1, told(second))
    assert.deepEqual(await jobs(app), ['migrate'])
  })

  it('writes nothing behind a hook that fails, tells why, runs what is there for that, and goes on with the next commit', async () => {
    const app = await bench.subject({
      'migrate.json': hook('migrate', { 'gitwake.dev/hook': 'pre-sync' }, 'job-fail'),
      'alarm.json': hook('alarm', { 'gitwake.dev/hook': 'sync-fail' }),
      'a.json': configMap('a', { x: '1' }),
    })
    const result = await app.sync({ reason: 'push' })
    assert.equal(result.outcome, 'failed', told(result))
    assert.equal(result.problem?.code, 'hook-failed')
    assert.match(result.message, /^pre-sync hook Job\/.*\/migrate failed: the Job has failed/)
    const path = `/api/v1/namespaces/${app.namespace}/configmaps/a`
    assert.equal((await bench.api('GET', path, undefined, { mayFail: true })).code, 404)
    assert.deepEqual(
      result.changes.map(({ object, action, hook: phase }) => `${phase ?? ''} ${object.kind} ${action}`).sort(),
      [' ConfigMap skipped', ' Namespace created', 'pre-sync Job failed', 'sync-fail Job created'],
      told(result),
    )
    assert.deepEqual(await jobs(app), ['alarm', 'migrate'])

    await app.repository.commit({ 'migrate.json': hook('migrate', { 'gitwake.dev/hook': 'pre-sync' }) })
    const mended = await app.sync({ reason: 'push' })
    assert.equal(mended.outcome, 'synced', told(mended))
    assert.equal((await bench.api('GET', path)).kind, 'ConfigMap')
  })

  it('runs no hook after a sync that is not healthy, and does so once it is', async () => {
    const app = await bench.subject(
      { 'web.json': deployment('web', 'never-ready'), 'check.json': hook('check', { 'gitwake.dev/hook': 'post-sync' }) },
      { healthTimeoutMs: 1_500 },
    )
    const kept = await app.sync({ reason: 'push' })
    assert.equal(kept.problem?.code, 'hook-waits-for-health', told(kept))
    assert.deepEqual(await jobs(app), [])
    await app.repository.commit({ 'web.json': deployment('web', 'nginx') })
    const done = await app.sync({ reason: 'push', policy: { healthTimeoutMs: 60_000 } })
    assert.equal(done.outcome, 'synced', told(done))
    assert.deepEqual(await jobs(app), ['check'])
  })

  it('does not wait for the health of what is never applied before it runs the hooks after a sync', async () => {
    const app = await bench.subject(
      {
        'skip.json': hook('skip', { 'argocd.argoproj.io/hook': 'Skip' }),
        'check.json': hook('check', { 'gitwake.dev/hook': 'post-sync' }),
      },
      { healthTimeoutMs: 60_000 },
    )
    const result = await app.sync({ reason: 'push' })
    assert.equal(result.outcome, 'synced', told(result))
    assert.deepEqual(result.health, { status: 'current', objects: [] })
    assert.deepEqual(await jobs(app), ['check'])
  })

  it('joins the hook that a crash has interrupted, and removes one that Git has no longer', async () => {
    const app = await bench.subject({ 'migrate.json': hook('migrate', { 'gitwake.dev/hook': 'pre-sync' }), 'a.json': configMap('a', {}) })
    const crash = async (): Promise<void> => {
      let written = 0
      const destination = {
        ...bench.destination,
        complete: () => Promise.reject(new Error('killed')),
        writeInventory: (...parts: Parameters<typeof bench.destination.writeInventory>) =>
          ++written === 1 ? bench.destination.writeInventory(...parts) : Promise.reject(new Error('killed')),
      }
      assert.equal((await app.sync({ reason: 'push', destination })).outcome, 'failed')
    }
    const uidOf = async (): Promise<unknown> => {
      const { metadata } = await bench.api('GET', `/apis/batch/v1/namespaces/${app.namespace}/jobs/migrate`)
      return (metadata as { uid?: string }).uid
    }
    await crash()
    const before = await uidOf()
    const joined = await app.sync({ reason: 'retry' })
    assert.equal(joined.outcome, 'synced', told(joined))
    assert.equal(await uidOf(), before)

    await app.repository.commit({ 'migrate.json': hook('migrate', { 'gitwake.dev/hook': 'pre-sync' }, 'other') })
    await crash()
    await app.repository.commit({ 'migrate.json': null })
    const removed = await app.sync({ reason: 'push' })
    assert.equal(removed.outcome, 'synced', told(removed))
    assert.deepEqual(await jobs(app), [])
  })

  it('names a hook without a name after its commit, and keeps the one of the last', async () => {
    const job = (image: string): string => hook('', { 'gitwake.dev/hook': 'sync' }, image).replace('"name":""', '"generateName":"once-"')
    const app = await bench.subject({ 'once.json': job('one'), 'a.json': configMap('a', {}) })
    assert.equal((await app.sync({ reason: 'push' })).outcome, 'synced')
    const [first] = await jobs(app)
    await app.repository.commit({ 'once.json': job('two') })
    const second = await app.sync({ reason: 'push' })
    assert.equal(second.outcome, 'synced', told(second))
    assert.equal((await jobs(app)).length, 1)
    assert.notEqual((await jobs(app))[0], first)
    assert.match(first ?? '', /^once-[0-9a-f]{10}$/)
  })

  it('refuses a hook whose annotations or manifest are wrong before the first write, and never touches what is not its own', async () => {
    const app = await bench.subject({ 'migrate.json': hook('migrate', { 'gitwake.dev/hook': 'presync' }), 'a.json': configMap('a', {}) })
    const result = await app.sync({ reason: 'push' })
    assert.match(result.problem?.message ?? '', /knows no "presync"; did you mean "pre-sync"\?/, told(result))
    await app.repository.commit({
      'migrate.json': hook('migrate', { 'gitwake.dev/hook': 'pre-sync' }).replace('backoffLimit', 'backoffLimits'),
    })
    const typo = await app.sync({ reason: 'push' })
    assert.match(typo.problem?.message ?? '', /backoffLimits/, told(typo))

    await bench.api('POST', '/api/v1/namespaces', { metadata: { name: app.namespace } })
    await bench.api('POST', `/apis/batch/v1/namespaces/${app.namespace}/jobs`, JSON.parse(hook('migrate', {})) as object)
    await app.repository.commit({ 'migrate.json': hook('migrate', { 'gitwake.dev/hook': 'pre-sync' }) })
    const foreign = await app.sync({ reason: 'push' })
    assert.match(foreign.message, /exists already, and no hook of this application made it/, told(foreign))
    assert.deepEqual(await jobs(app), ['migrate'])
  })

  it('keeps the object of a hook that becomes an ordinary one, and lets a hook take the place of one only where that may be pruned', async () => {
    const turned = { 'gitwake.dev/hook': 'pre-sync' }
    const app = await bench.subject({
      'a.json': configMap('a', {}),
      'was-hook.json': annotated('was-hook', turned),
      'once.json': annotated('once', { ...turned, 'gitwake.dev/apply': 'create-only' }),
      'becomes-hook.json': configMap('becomes-hook', { x: '1' }),
    })
    const uidOf = async (name: string): Promise<unknown> => {
      const { metadata } = await bench.api('GET', `/api/v1/namespaces/${app.namespace}/configmaps/${name}`)
      return (metadata as { uid?: string }).uid
    }
    assert.equal((await app.sync({ reason: 'push' })).outcome, 'synced')
    const were = [await uidOf('was-hook'), await uidOf('once')]
    const plain = await uidOf('becomes-hook')

    await app.repository.commit({
      'was-hook.json': configMap('was-hook', { x: '1' }),
      'once.json': annotated('once', { 'gitwake.dev/apply': 'create-only' }),
      'becomes-hook.json': annotated('becomes-hook', turned),
    })
    const guarded = await app.sync({ reason: 'push', policy: { prune: false } })
    assert.match(guarded.message, /becomes-hook exists already, and no hook of this application made it/, told(guarded))
    assert.equal(await uidOf('becomes-hook'), plain, 'what is not pruned is not replaced either')

    const second = await app.sync({ reason: 'push' })
    assert.equal(second.outcome, 'synced', told(second))
    assert.deepEqual([await uidOf('was-hook'), await uidOf('once')], were, 'they are what they were')
    assert.notEqual(await uidOf('becomes-hook'), plain)
    assert.equal(second.changes.find(({ object, hook: phase }) => object.name === 'becomes-hook' && phase === undefined)?.action, 'pruned')
    assert.equal((await app.sync({ reason: 'manual' })).outcome, 'synced', 'a hook replaces its own object as ever')
  })

  it('keeps what runs after the deletion of an application, although Git may be gone by then, and leaves nothing of it', async () => {
    const last = hook('farewell', { 'gitwake.dev/hook': 'post-delete' })
    const app = await bench.subject({
      'a.json': configMap('a', {}),
      'migrate.json': hook('migrate', { 'gitwake.dev/hook': 'pre-sync' }),
      'last.json': last,
    })
    assert.equal((await app.sync({ reason: 'push' })).outcome, 'synced')
    assert.deepEqual(await jobs(app), ['migrate'], 'it does not run before')
    const signal = AbortSignal.timeout(60_000)
    const { name } = app.application
    const stored = await bench.destination.readInventory(name, signal)
    assert.ok(stored)
    const position = await bench.audit.position()
    const applySet = applySetId(name, bench.inventoryNamespace)
    const stopped = await runDeletionHooks(stored.inventory, { destination: bench.destination, applySet, timeoutMs: 60_000 }, { signal })
    assert.equal(stopped, undefined)
    assert.deepEqual(await jobs(app), [])
    assert.deepEqual(await writes(app, position), ['delete jobs/migrate', 'patch jobs/farewell', 'delete jobs/farewell'])
  })

  it('runs the hooks beside a sync in their wave: behind its objects, and done before the next wave begins', async () => {
    const argo = (number: number) => ({ 'argocd.argoproj.io/hook': 'Sync', 'argocd.argoproj.io/sync-wave': String(number) })
    const app = await bench.subject({
      'first.json': annotated('first', wave(-1)),
      'early.json': hook('early', { 'gitwake.dev/hook': 'sync', ...wave(-1) }),
      'a.json': configMap('a', {}),
      'middle.json': hook('middle', argo(0)),
      'b.json': annotated('b', wave(1)),
      'alone.json': hook('alone', argo(2)),
      'last.json': annotated('last', wave(3)),
    })
    const position = await bench.audit.position()
    const result = await app.sync({ reason: 'push' })
    assert.equal(result.outcome, 'synced', told(result))
    const order = ['configmaps/first', 'jobs/early', 'configmaps/a', 'jobs/middle', 'configmaps/b', 'jobs/alone', 'configmaps/last']
    assert.deepEqual(
      await writes(app, position),
      order.map((object) => `patch ${object}`),
    )
    const job = await bench.api('GET', `/apis/batch/v1/namespaces/${app.namespace}/jobs/middle`)
    const next = await bench.api('GET', `/api/v1/namespaces/${app.namespace}/configmaps/b`)
    const { completionTime } = job.status as { completionTime: string }
    const { creationTimestamp } = next.metadata as unknown as { creationTimestamp: string }
    assert.ok(
      creationTimestamp >= completionTime,
      `b was made at ${creationTimestamp}, the hook before it was complete at ${completionTime}`,
    )
  })

  it('starts no wave behind a hook of an earlier one that fails, and prunes nothing', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', {}), 'old.json': configMap('old', {}) })
    assert.equal((await app.sync({ reason: 'push' })).outcome, 'synced')
    await app.repository.commit({
      'a.json': configMap('a', { x: '2' }),
      'old.json': null,
      'check.json': hook('check', { 'gitwake.dev/hook': 'sync' }, 'job-fail'),
      'late.json': annotated('late', wave(1)),
    })
    const kept = await app.sync({ reason: 'push' })
    assert.equal(kept.problem?.code, 'hook-failed', told(kept))
    assert.deepEqual(kept.counts, { configured: 1, skipped: 2, failed: 1 }, told(kept))
    const late = kept.changes.find(({ object }) => object.name === 'late')
    assert.match(late?.reason ?? '', /^sync hook Job\/.*\/check failed: the Job has failed.*new in Git$/s)
    await app.repository.commit({ 'check.json': null })
    const mended = await app.sync({ reason: 'push' })
    assert.deepEqual(mended.counts, { unchanged: 1, created: 1, pruned: 1 }, told(mended))
  })

  it("makes a hook after what it runs with, in Helm's order of weights and kinds", async () => {
    const helm = (weight: string) => ({ 'helm.sh/hook': 'pre-install,pre-upgrade', 'helm.sh/hook-weight': weight })
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'migrator', annotations: helm('0') } }
    const app = await bench.subject({
      'a-migrate.json': hook('migrate', helm('0')),
      'b-account.json': JSON.stringify(account),
      'c-before.json': hook('before', helm('-5')),
      'd-zero.json': hook('zero', { ...helm('-9'), 'argocd.argoproj.io/sync-wave': '0' }),
      'e-claim.json': JSON.stringify({
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: { name: 'room', annotations: { ...helm('0'), 'helm.sh/hook-delete-policy': 'before-hook-creation' } },
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, storageClassName: 'nobodys' },
      }),
    })
    const position = await bench.audit.position()
    const result = await app.sync({ reason: 'push', policy: { hookTimeoutMs: 3_000 } })
    // The claim is bound by nobody here: that it is not, is no reason to make what would use it later.
    assert.match(result.message, /PersistentVolumeClaim\/.*\/room has not ended in time/, told(result))
    const order = await writes(app, position)
    assert.deepEqual(order.slice(0, 3), ['patch jobs/before', 'patch serviceaccounts/migrator', 'patch persistentvolumeclaims/room'])
    assert.deepEqual(order.slice(3).sort(), ['patch jobs/migrate', 'patch jobs/zero'], 'a wave that is named counts, also 0')
  })
})
