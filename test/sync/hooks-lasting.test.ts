import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { JsonObject } from '../../src/model/json.ts'
import { told, widgets } from './ordered.ts'
import { configMap, openWorkbench, type Workbench } from './workbench.ts'

describe('what hooks must not take along', { timeout: 300_000 }, () => {
  let bench: Workbench
  before(async () => {
    bench = await openWorkbench()
  })
  after(() => bench.close())

  const uidOf = async (path: string): Promise<unknown> => {
    const { metadata } = await bench.api('GET', path)
    return (metadata as JsonObject)['uid']
  }

  it('a definition that is a hook is brought up to date with each commit, never deleted with all that was made of it', async () => {
    const group = `lasting-${process.pid}.test`
    const { definition, widget } = widgets(group)
    const crd = JSON.parse(definition) as { metadata: object }
    const hooked = (labels: object): string =>
      JSON.stringify({ ...crd, metadata: { ...crd.metadata, labels, annotations: { 'helm.sh/hook': 'pre-install,pre-upgrade' } } })
    const app = await bench.subject({ 'crd.json': hooked({ round: 'first' }), 'a.json': configMap('a', { x: '1' }) })
    const first = await app.sync({ reason: 'push' })
    assert.equal(first.outcome, 'synced', told(first))
    const path = `/apis/${group}/v1/namespaces/${app.namespace}/widgets`
    await bench.api('POST', path, JSON.parse(widget('of-somebody')) as object)
    const uid = await uidOf(`${path}/of-somebody`)

    await app.repository.commit({ 'crd.json': hooked({ round: 'second' }), 'a.json': configMap('a', { x: '2' }) })
    const second = await app.sync({ reason: 'push' })
    assert.equal(second.outcome, 'synced', told(second))
    assert.equal(await uidOf(`${path}/of-somebody`), uid)
    const { metadata } = await bench.api('GET', `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.${group}`)
    assert.equal(((metadata as JsonObject)['labels'] as JsonObject)['round'], 'second')

    await app.repository.commit({ 'crd.json': null })
    const third = await app.sync({ reason: 'push' })
    assert.equal(third.outcome, 'synced', told(third))
    assert.equal(await uidOf(`${path}/of-somebody`), uid, 'nor when Git has that hook no more')
  })
})
