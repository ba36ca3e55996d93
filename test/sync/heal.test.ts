import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { SyncReason } from '../../src/model/job.ts'
import type { SyncResult } from '../../src/model/result.ts'
import { connectRedis, type Connections } from '../../src/queue/connection.ts'
import { piecesOf } from '../../src/queue/status.ts'
import { countHeals, fightsBefore } from '../../src/roles/fights.ts'
import { startTestRedis, type TestRedis } from '../queue/redis.ts'
import { silent } from '../queue/setup.ts'
import { configMap, openWorkbench, type Subject, type Workbench } from './workbench.ts'

const MERGE = { contentType: 'application/merge-patch+json' }
const JSON_PATCH = { contentType: 'application/json-patch+json' }
const DEPLOYMENT = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: nginx
          readinessProbe: {httpGet: {path: /, port: 80}}
`

describe('healing', { timeout: 120_000 }, () => {
  let bench: Workbench
  let redis: TestRedis
  let connections: Connections
  before(async () => {
    bench = await openWorkbench()
    redis = await startTestRedis()
    connections = connectRedis({ url: redis.url, log: silent })
    await connections.ready(AbortSignal.timeout(20_000))
  })
  after(async () => {
    await connections.close()
    await redis.close()
    await bench.close()
  })
  const deployment = ({ namespace }: Subject): string => `/apis/apps/v1/namespaces/${namespace}/deployments/web`
  const map = ({ namespace }: Subject): string => `/api/v1/namespaces/${namespace}/configmaps/a`

  it('undoes a probe turned from httpGet to exec, which a forced apply cannot', async () => {
    const app = await bench.subject({ 'web.yaml': DEPLOYMENT })
    await app.sync()
    const value = { exec: { command: ['true'] } }
    const path = '/spec/template/spec/containers/0/readinessProbe'
    await bench.api('PATCH', deployment(app), [{ op: 'replace', path, value }], JSON_PATCH)
    const result = await app.sync({ reason: 'drift' })
    assert.equal(result.outcome, 'synced', JSON.stringify(result))
    const live = JSON.stringify(await bench.api('GET', deployment(app)))
    assert.match(live, /"httpGet"/)
    assert.doesNotMatch(live, /"exec":\{"command"/)
  })

  it('removes a key that left Git from an object that kubectl had made before it was adopted', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1', y: '1' }) })
    await bench.api('POST', '/api/v1/namespaces', { metadata: { name: app.namespace } })
    const body = { metadata: { name: 'a' }, data: { x: '1', y: '1' } }
    await bench.api('POST', `/api/v1/namespaces/${app.namespace}/configmaps`, body, { manager: 'kubectl-client-side-apply' })
    await app.sync()
    await app.repository.commit({ 'a.json': configMap('a', { x: '1' }) })
    await app.sync()
    assert.deepEqual((await bench.api('GET', map(app))).data, { x: '1' })
  })

  it('is told before it happens: with selfHeal false field, manager and time are shown, until it ends', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }) }, { selfHeal: false })
    await app.sync()
    await bench.api('PATCH', map(app), { data: { x: '2' } }, MERGE)
    const reported = await app.sync({ reason: 'drift' })
    assert.equal(reported.outcome, 'drifted')
    const [shown] = piecesOf(reported).drift ?? []
    assert.deepEqual(
      shown?.drift?.map(({ field, manager }) => [field, manager]),
      [['data.x', 'kubectl-edit']],
    )
    assert.match(shown?.drift?.[0]?.at ?? '', /^\d{4}-/)
    assert.deepEqual((await bench.api('GET', map(app))).data, { x: '2' })

    await bench.api('DELETE', map(app))
    assert.equal(piecesOf(await app.sync({ reason: 'drift' })).drift?.length, 1, 'a deleted object is drift too')
    const ended = await app.sync()
    assert.deepEqual([ended.outcome, piecesOf(ended).drift], ['synced', []])
  })

  it('is told with field, manager and time also where a commit changes the same object', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1', y: '1' }) })
    await app.sync()
    await bench.api('PATCH', map(app), { data: { x: 'by hand' } }, { ...MERGE, manager: 'kubectl-edit' })
    await app.repository.commit({ 'a.json': configMap('a', { x: '1', y: '2', z: 'new' }) })
    const { changes } = await app.sync()
    const [change] = changes
    assert.deepEqual(
      change?.drift?.map(({ field, manager }) => [field, manager]),
      [['data.x', 'kubectl-edit']],
    )
    assert.match(change?.reason ?? '', /^changed in Git, and drifted: data\.x, by kubectl-edit, at 20/)
  })

  it('stops where somebody takes the same field back again and again, until a commit or a person says otherwise', async () => {
    const app = await bench.subject({ 'web.yaml': DEPLOYMENT })
    const { name } = app.application
    const asWorker = async (reason: SyncReason): Promise<SyncResult> => {
      const { producer } = connections
      const fights = await fightsBefore(producer, 'test', { application: name, reason, seen: 1, triggers: [] })
      const result = await app.sync({ reason, fights })
      await countHeals(producer, 'test', result)
      return result
    }
    const scale = (replicas: number) => bench.api('PATCH', deployment(app), { spec: { replicas } }, { ...MERGE, manager: 'hpa' })
    const replicas = async (): Promise<unknown> => ((await bench.api('GET', deployment(app))).spec as { replicas: number }).replicas
    await asWorker('push')
    for (let round = 0; round < 5; round += 1) {
      await scale(5)
      assert.equal((await asWorker('drift')).counts.configured, 1)
    }
    await scale(5)
    const left = await asWorker('drift')
    assert.deepEqual([left.outcome, await replicas()], ['synced', 5])
    const [change] = piecesOf(left).drift ?? []
    assert.match(change?.reason ?? '', /hpa has taken spec\.replicas back 5 times/)
    assert.match(change?.fix ?? '', /fields: \['\/spec\/replicas'\]/)

    await app.repository.commit({ 'other.json': configMap('other', { x: '1' }) })
    await asWorker('push')
    assert.equal(await replicas(), 2, 'a new commit heals again')
    for (let round = 0; round < 6; round += 1) {
      await scale(5)
      await asWorker('drift')
    }
    assert.equal(await replicas(), 5)
    await asWorker('manual')
    assert.equal(await replicas(), 2, 'so does a person')
  })
})
