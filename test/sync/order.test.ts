import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { SyncResult } from '../../src/model/result.ts'
import { isDryRun, isWrite } from '../support/audit-log.ts'
import { configMap, openWorkbench, type Subject, type Workbench } from './workbench.ts'

/** A ConfigMap with annotations. */
function annotated(name: string, annotations: Record<string, string>, data: Record<string, string> = {}): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, annotations }, data })
}

function deployment(name: string, image: string, annotations: Record<string, string> = {}): string {
  const labels = { app: name }
  const template = { metadata: { labels }, spec: { containers: [{ name, image }] } }
  const spec = { replicas: 1, selector: { matchLabels: labels }, template }
  return JSON.stringify({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, annotations }, spec })
}

function told(result: SyncResult): string {
  return `${result.outcome}: ${result.message} ${JSON.stringify(result.problem ?? '')} ${JSON.stringify(result.changes)}`
}

const wave = (number: number): Record<string, string> => ({ 'gitwake.dev/wave': String(number) })

describe('the order of a sync', { timeout: 300_000 }, () => {
  let bench: Workbench
  before(async () => {
    bench = await openWorkbench()
  })
  after(() => bench.close())

  /** Writes of objects of this application, in the order in which the API server had them: `PATCH configmaps/a`. */
  async function writes(app: Subject, position: number): Promise<string[]> {
    const events = await bench.audit.read({}, position)
    return events
      .filter((event) => isWrite(event) && !isDryRun(event))
      .flatMap(({ verb, requestURI }) => {
        const [, path] = /\/namespaces\/([^?]*)/.exec(requestURI) ?? []
        return path?.startsWith(`${app.namespace}/`) === true ? [`${verb} ${path.slice(app.namespace.length + 1)}`] : []
      })
  }

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
})
