import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ensureKustomize } from '../support/build.ts'
import { configMap, openWorkbench, type Workbench } from './workbench.ts'

let bench: Workbench
before(async () => {
  bench = await openWorkbench(undefined, await ensureKustomize(() => undefined))
})
after(() => bench.close())

test('a refusal of what a kustomization renders names the file with the mistake, and what is applied carries no mark of that', async () => {
  const wrong = configMap('api', { x: '1' }).replace('"data"', '"datas"')
  const files = {
    'base/kustomization.yaml': 'resources: [good.json, api.json]\n',
    'base/good.json': configMap('good', { x: '1' }),
    'base/api.json': wrong,
    'overlay/kustomization.yaml': 'namePrefix: prod-\nresources: [../base]\n',
  }
  const app = await bench.subject(files, {}, 'overlay')
  const [refused, planned] = [await app.sync(), await app.plan()]
  for (const { changes, problem } of [refused, planned]) {
    const failed = changes.filter(({ action }) => action === 'failed')
    assert.deepEqual(
      failed.map(({ object, origin }) => [object.name, origin?.file]),
      [['prod-api', 'base/api.json']],
    )
    assert.equal(problem?.origin?.file, 'base/api.json')
  }

  await app.repository.commit({ 'base/api.json': configMap('api', { x: '1' }) })
  assert.equal((await app.sync()).outcome, 'synced')
  const { metadata } = await bench.api('GET', `/api/v1/namespaces/${app.namespace}/configmaps/prod-api`)
  assert.doesNotMatch(JSON.stringify(metadata), /config\.kubernetes\.io\/origin/)
})
