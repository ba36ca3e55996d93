import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { hook, jobsOf, told, widgets } from './ordered.ts'
import { openWorkbench, type Workbench } from './workbench.ts'

describe('what hooks need of their own commit', { timeout: 300_000 }, () => {
  let bench: Workbench
  before(async () => {
    bench = await openWorkbench()
  })
  after(() => bench.close())

  for (const phase of ['pre-sync', 'sync', 'post-sync'])
    it(`an application of nothing but a ${phase} hook gets the namespace that it runs in`, async () => {
      const app = await bench.subject({ 'job.json': hook('job', { 'gitwake.dev/hook': phase }) })
      const result = await app.sync({ reason: 'push' })
      assert.equal(result.outcome, 'synced', told(result))
      assert.deepEqual(result.counts, { created: 2 }, told(result))
      assert.deepEqual(await jobsOf(bench, app), ['job'])
      const again = await app.sync({ reason: 'push' })
      assert.equal(again.outcome, 'not affected', told(again))
    })

  it('hooks have no namespace made where that is switched off, and are told what to do', async () => {
    const app = await bench.subject({ 'job.json': hook('job', { 'gitwake.dev/hook': 'pre-sync' }) })
    const destination = { ...app.application.destination, createNamespace: false }
    const result = await app.sync({ reason: 'push', application: { destination } })
    assert.equal(result.problem?.code, 'refused', told(result))
    assert.match(result.problem.message, /does not exist, and createNamespace is false/)
  })

  for (const phase of ['pre-sync', 'sync', 'post-sync'])
    it(`a ${phase} hook may be of a kind whose definition comes with the same commit`, async () => {
      const { definition, widget } = widgets(`${phase}-${process.pid}.test`)
      const app = await bench.subject({ 'crd.json': definition, 'run.json': widget('run', { 'gitwake.dev/hook': phase }) })
      const planned = await app.plan()
      assert.equal(planned.outcome, 'changes', JSON.stringify(planned))
      const result = await app.sync({ reason: 'push', policy: { healthTimeoutMs: 60_000 } })
      assert.equal(result.outcome, 'synced', told(result))
      const path = `/apis/${phase}-${process.pid}.test/v1/namespaces/${app.namespace}/widgets/run`
      assert.equal((await bench.api('GET', path)).kind, 'Widget')
    })

  it('a hook may be of a kind that another hook before it defines', async () => {
    const { definition, widget } = widgets(`earlier-${process.pid}.test`)
    const crd = JSON.parse(definition) as { metadata: object }
    const annotations = { 'helm.sh/hook': 'pre-install,pre-upgrade' }
    const app = await bench.subject({
      'crd.json': JSON.stringify({ ...crd, metadata: { ...crd.metadata, annotations } }),
      'run.json': widget('run', { ...annotations, 'helm.sh/hook-weight': '1' }),
    })
    const result = await app.sync({ reason: 'push' })
    assert.equal(result.outcome, 'synced', told(result))
  })

  it('a hook of a kind that nobody defines is refused before the first write, with what to do', async () => {
    const { widget } = widgets(`nobody-${process.pid}.test`)
    const app = await bench.subject({ 'run.json': widget('run', { 'gitwake.dev/hook': 'sync' }) })
    const result = await app.sync({ reason: 'push' })
    assert.equal(result.problem?.code, 'refused', told(result))
    assert.match(result.problem.message, /the cluster serves no Widget in nobody-/)
    assert.match(result.problem.fix, /Install its CustomResourceDefinition, put it into the same application/)
  })
})
