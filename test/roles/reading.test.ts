import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SyncResult } from '../../src/model/result.ts'
import { createRenderer } from '../../src/render/renderer.ts'
import { openReading } from '../../src/roles/reading.ts'
import { applicationNamed, failed, resultOf } from '../queue/setup.ts'
import { createOrigin, repositoryAt, sourceFor, temporaryFolder } from '../source/remote-host.ts'

const MAIN = 'refs/heads/main'
const signal = AbortSignal.timeout(60_000)
const application = applicationNamed('api', 'prod')
const result = (more: Partial<SyncResult>): SyncResult => resultOf({ application: 'api', reason: 'push', seen: 1, triggers: [] }, more)

test('what a sync read is published only where all is well at the head that it read', async (context) => {
  const origin = createOrigin(temporaryFolder(context))
  const revision = origin.commit({ 'cm.json': '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}' })
  const tree = await sourceFor(context).fetch(repositoryAt(origin.url), MAIN, signal)
  const reading = openReading(createRenderer())
  assert.equal(reading.of(result({ revision }), application), undefined)
  const { digest } = await reading.renderer.inputs(tree, application, signal)
  const read = { revision, set: { repository: 'shop', ref: MAIN, path: '', inputs: digest, paths: [''] } }
  assert.deepEqual(reading.of(result({ revision }), application), read)
  assert.deepEqual(reading.of(result({ revision, outcome: 'not affected' }), application), read)
  const object = { group: '', kind: 'ConfigMap', namespace: 'a', name: 'a' }
  const others: readonly Partial<SyncResult>[] = [
    { revision, ...failed(true) },
    { revision, outcome: 'held' },
    { revision, outcome: 'drifted' },
    { revision, outcome: 'superseded' },
    { revision, outcome: 'suspended' },
    // Rolled back: what stands is not the head.
    { revision, head: 'b'.repeat(40) },
    { revision: 'b'.repeat(40) },
    { revision, changes: [{ object, action: 'failed', reason: 'refused' }] },
  ]
  for (const other of others) assert.equal(reading.of(result(other), application), undefined, JSON.stringify(other))
})

test('a render that cannot be begun leaves nothing of the one before', async (context) => {
  const origin = createOrigin(temporaryFolder(context))
  const revision = origin.commit({ 'cm.json': '{}' })
  const tree = await sourceFor(context).fetch(repositoryAt(origin.url), MAIN, signal)
  const reading = openReading(createRenderer())
  await reading.renderer.inputs(tree, application, signal)
  const elsewhere = { ...application, source: { ...application.source, path: 'gone' } }
  await assert.rejects(reading.renderer.inputs(tree, elsewhere, signal))
  assert.equal(reading.of(result({ revision }), application), undefined)
})
