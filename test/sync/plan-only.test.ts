import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { PlanReport } from '../../src/model/plan-report.ts'
import type { SyncResult } from '../../src/model/result.ts'
import { isDryRun, isWrite } from '../support/audit-log.ts'
import { configMap, openWorkbench, type Subject, type Workbench } from './workbench.ts'

const MERGE = { contentType: 'application/merge-patch+json' }

function workload(replicas: number | undefined, image: string, rest = ''): string {
  return `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  ${replicas === undefined ? '' : `replicas: ${replicas}`}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: ${image}
          env: [{name: A, value: "1"}, {name: DB_PASSWORD, value: canary-in-env}]
${rest}`
}

const SECRET = (password: string): string => `
apiVersion: v1
kind: Secret
metadata: {name: db}
stringData: {user: canary-user, pass: ${password}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: copy}
data: {by-mistake: "x ${password} y"}
`

/** What both say they do: the same value, whoever made it. */
function doings({ changes, counts, warnings, revision, rendered }: PlanReport | SyncResult): unknown {
  return { changes, counts, warnings, revision, rendered }
}

describe('a plan of a real cluster', { timeout: 300_000 }, () => {
  let bench: Workbench
  before(async () => {
    bench = await openWorkbench()
  })
  after(() => bench.close())

  async function writes(since: number): Promise<readonly string[]> {
    const events = await bench.audit.read({}, since)
    return events.filter((event) => isWrite(event) && !isDryRun(event)).map(({ verb, requestURI }) => `${verb} ${requestURI}`)
  }

  /** A plan writes nothing and says exactly what the sync after it then does. */
  async function planned(app: Subject): Promise<{ readonly plan: PlanReport; readonly result: SyncResult }> {
    const position = await bench.audit.position()
    const plan = await app.plan()
    assert.deepEqual(await writes(position), [])
    const result = await app.sync()
    assert.deepEqual(doings(plan), doings(result))
    return { plan, result }
  }

  it('says exactly what the next sync does: create, configure, adopt, prune, heal, and nothing', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1', 'app.conf': 'one\ntwo\nthree\n' }), 'b.json': configMap('b', {}) })
    const first = await planned(app)
    assert.equal(first.plan.outcome, 'changes')
    assert.equal(first.result.counts.created, 3)

    await bench.api('POST', `/api/v1/namespaces/${app.namespace}/configmaps`, { metadata: { name: 'old' }, data: { x: 'by hand', y: '2' } })
    await app.repository.commit({
      'a.json': configMap('a', { x: '2', 'app.conf': 'one\n2\nthree\n' }),
      'b.json': null,
      'c.json': configMap('old', { x: 'by Git' }),
      'web.yaml': workload(2, 'nginx:1'),
    })
    const second = await planned(app)
    const change = (name: string) => second.plan.changes.find(({ object }) => object.name === name)
    assert.deepEqual(change('a')?.diff, [
      { field: 'data[app.conf]', op: 'change', lines: [' one', '-two', '+2', ' three'] },
      { field: 'data.x', op: 'change', before: '1', after: '2' },
    ])
    assert.equal(change('old')?.action, 'adopted')
    assert.deepEqual(
      change('old')?.diff?.find(({ field }) => field === 'data.x'),
      {
        field: 'data.x',
        op: 'change',
        before: 'by hand',
        after: 'by Git',
      },
    )
    assert.equal(change('b')?.action, 'pruned')
    assert.equal(change('web')?.diff, undefined)

    await bench.api('PATCH', `/apis/apps/v1/namespaces/${app.namespace}/deployments/web`, { spec: { replicas: 5 } }, MERGE)
    await app.repository.commit({ 'web.yaml': workload(2, 'nginx:2') })
    const third = await planned(app)
    assert.deepEqual(third.plan.changes[0]?.diff, [
      { field: 'spec.replicas', op: 'change', before: 5, after: 2 },
      { field: 'spec.template.spec.containers[name=web].image', op: 'change', before: 'nginx:1', after: 'nginx:2' },
    ])

    const last = await planned(app)
    assert.equal(last.plan.outcome, 'unchanged')
    assert.deepEqual(last.plan.changes, [])
  })

  it('says with partial which waves and prunes a refused object keeps back', async () => {
    const app = await bench.subject({ 'old.json': configMap('old', {}) }, { partial: true })
    await planned(app)
    const late = { metadata: { name: 'late', annotations: { 'gitwake.dev/wave': '1' } } }
    await app.repository.commit({
      'old.json': null,
      'a.json': configMap('a', {}),
      'wrong.json': JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'wrong' }, dtaa: {} }),
      'late.json': JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', ...late }),
    })
    const { plan, result } = await planned(app)
    assert.deepEqual(plan.counts, { created: 1, failed: 1, skipped: 2 })
    assert.equal(plan.outcome, 'changes')
    assert.equal(result.outcome, 'failed')
    assert.equal((await app.plan()).outcome, 'refused', 'nothing is left that would be written')
  })

  it('says the same as the sync for whatever somebody commits and edits', async () => {
    const app = await bench.subject({ 'a0.json': configMap('a0', { x: '0' }) })
    let seed = 7
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
      return seed % below
    }
    for (let round = 0; round < 8; round += 1) {
      const files = Array.from({ length: 4 }, () => `a${random(6)}`).map((name) => {
        const gone = random(4) === 0 && name !== 'a0'
        return [`${name}.json`, gone ? null : configMap(name, { x: `${random(3)}`, [`k${random(3)}`]: 'v' })] as const
      })
      await app.repository.commit(Object.fromEntries(files))
      const path = `/api/v1/namespaces/${app.namespace}/configmaps/a${random(6)}`
      await bench.api('PATCH', path, { data: { x: 'by hand', mine: '1' } }, { ...MERGE, mayFail: true })
      await planned(app)
    }
  })

  it('shows no secret: not that of Git, not the live one, not where it was copied to', async () => {
    const app = await bench.subject({ 's.yaml': SECRET('canary-old-pass'), 'web.yaml': workload(1, 'nginx') })
    await app.sync()
    await app.repository.commit({ 's.yaml': SECRET('canary-new-pass'), 'web.yaml': workload(1, 'nginx:2').replace('in-env', 'in-env-2') })
    const { plan, result } = await planned(app)
    const secret = plan.changes.find(({ object }) => object.kind === 'Secret')
    assert.deepEqual(secret?.diff, [{ field: 'data.pass', op: 'change', before: '***', after: '***' }])
    const copy = plan.changes.find(({ object }) => object.name === 'copy')
    assert.deepEqual(copy?.diff, [{ field: 'data.by-mistake', op: 'change', before: '***', after: '***' }])
    for (const text of [JSON.stringify(plan), JSON.stringify(result)]) {
      assert.ok(!text.includes('canary'), text)
      assert.ok(!text.includes(Buffer.from('canary').toString('base64').slice(0, 7)), text)
    }
  })

  it('plans another branch, a commit and, where that is allowed, a pull request; and writes nothing', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }) })
    await app.sync()
    const first = await app.repository.head()
    const branch = await app.repository.commit({ 'b.json': configMap('b', {}) }, { branch: 'topic' })
    await app.repository.commit({ 'a.json': configMap('a', { x: '2' }) })
    await app.repository.git(['update-ref', 'refs/pull/7/head', branch])
    const position = await bench.audit.position()

    const ofBranch = await app.plan({ subject: { of: 'ref', ref: 'refs/heads/topic' } })
    assert.deepEqual([ofBranch.outcome, ofBranch.revision], ['changes', branch])
    const ofCommit = await app.plan({ subject: { of: 'revision', revision: branch } })
    assert.equal(ofCommit.revision, branch)
    const closed = await app.plan({ subject: { of: 'pull', pull: 7 } })
    assert.deepEqual([closed.outcome, closed.problem?.code], ['failed', 'pull-request-plans-closed'])
    const opened = await app.plan({ subject: { of: 'pull', pull: 7 }, pullRequestPlans: true })
    assert.equal(opened.revision, branch)
    const before = await app.plan({ subject: { of: 'revision', revision: first }, headsBefore: [first] })
    assert.deepEqual([before.outcome, before.revision], ['unchanged', first])
    assert.deepEqual(await writes(position), [])
  })

  it('takes no commit for one of ours because the host would hand it out', async () => {
    const app = await bench.subject({ 'a.json': configMap('a', { x: '1' }) })
    const ofFork = await app.repository.commit({ 'a.json': configMap('a', { x: 'of a fork' }) }, { branch: 'fork' })
    await app.repository.git(['update-ref', 'refs/pull/9/head', ofFork])
    await app.repository.deleteRef('refs/heads/fork')
    // It is even in the cache: a plan of the pull request brought it.
    await app.plan({ subject: { of: 'pull', pull: 9 }, pullRequestPlans: true })
    const plan = await app.plan({ subject: { of: 'revision', revision: ofFork }, pullRequestPlans: true })
    assert.deepEqual([plan.outcome, plan.problem?.code], ['failed', 'revision-not-found'])
  })

  it('names what is refused, held or cannot be rendered, each with what to do', async () => {
    const app = await bench.subject(
      Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`${index}.json`, configMap(`m${index}`, {})])),
    )
    await app.sync()
    await app.repository.commit({
      ...Object.fromEntries(Array.from({ length: 7 }, (_, index) => [`${index}.json`, null])),
      'typo.yaml': workload(1, 'nginx').replace('replicas', 'replcias'),
    })
    const refused = await app.plan()
    assert.equal(refused.outcome, 'refused', refused.message)
    assert.match(refused.problem?.message ?? '', /replcias/)
    assert.equal(refused.counts.held, 7)
    assert.match(refused.held?.digest ?? '', /^[0-9a-f]{16}$/)
    await app.repository.commit({ 'typo.yaml': 'a: [' })
    const failed = await app.plan()
    assert.equal(failed.outcome, 'failed')
    assert.match(failed.message, /typo\.yaml/)
  })
})
