import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { clusterKeys } from '../../src/model/keys.ts'
import type { Delivery, Push } from '../../src/model/push.ts'
import { createHeadHistory } from '../../src/queue/heads.ts'
import type { RunSync } from '../../src/queue/run.ts'
import { createRenderer } from '../../src/render/renderer.ts'
import { createLookAround } from '../../src/roles/look-around.ts'
import { publishRead } from '../../src/queue/reads.ts'
import { delivery, resultOf, setUp, silent, targetOf, trigger, type Setup } from '../queue/setup.ts'
import { createOrigin, git, repositoryAt, sourceFor, temporaryFolder, type Origin } from '../source/remote-host.ts'

const MAIN = 'refs/heads/main'
const signal = AbortSignal.timeout(120_000)
const configMap = (x: number): string => `{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"x": "${x}"}}`

/** A real repository, polls of it, and an application `api` in its root's folder `api` that was synced at the head. */
async function scene(context: TestContext, setup: Setup) {
  const { producer } = setup.connections
  const origin = createOrigin(temporaryFolder(context))
  const application = setup.configuration.applications.get('api')
  assert.ok(application)
  Object.assign(application, { source: { ...application.source, path: 'api' } })
  const repositories = new Map([['shop', repositoryAt(origin.url)]])
  const source = sourceFor(context)
  const renderer = createRenderer()
  const heads = createHeadHistory(producer, 'prod')
  const unused = (): Promise<never> => Promise.reject(new Error('a poll looks at no cluster'))
  const lookAround = createLookAround({
    cluster: 'prod',
    configuration: () => ({ ...setup.configuration, repositories }),
    redis: producer,
    intake: setup.intake,
    heads,
    source,
    renderer,
    destinations: { use: unused, keepOnly: () => undefined, close: () => Promise.resolve() },
    installation: 'gitwake',
    inventoryNamespace: 'gitwake-system',
    askForSweep: () => Promise.resolve(),
    log: silent,
  })
  const first = origin.commit({ 'api/cm.json': configMap(1), 'README.md': '1' })
  const run: RunSync = async (job) => {
    const tree = await source.fetch(repositoryAt(origin.url), MAIN, signal)
    const { digest, reads } = await renderer.inputs(tree, application, signal)
    await heads.admit('shop', MAIN, tree.revision, { application: 'api', named: true })
    const set = { repository: 'shop', ref: MAIN, path: 'api', inputs: digest, paths: reads }
    await publishRead(producer, 'prod', 'api', { revision: tree.revision, set })
    return resultOf(job, { revision: tree.revision })
  }
  const work = async (): Promise<void> => {
    const worker = setup.work({ run })
    await worker.drained(signal)
    await worker.close()
  }
  await setup.intake.acceptTrigger(targetOf('api'), trigger('push', { revision: first }))
  await work()
  return { origin, first, work, poll: async () => lookAround.poll('shop', signal) }
}

function pushed(before: string, after: string, changedPaths: readonly string[]): Delivery {
  const told = delivery(`push of ${after}`, after)
  return { ...told, event: { ...(told.event as Push), before, changedPaths } }
}

async function sendTo(setup: Setup, sent: Delivery) {
  const { after = '' } = sent.event as Push
  return setup.intake.acceptDelivery(sent, [targetOf('api')], trigger('push', { revision: after }))
}

async function isAsked({ connections: { producer } }: Setup): Promise<boolean> {
  const [want, done] = await producer.hmget(clusterKeys('prod').application('api'), 'want', 'done')
  return want !== done
}

/** The branch goes on with a merge that drops what the branch had: none of its commits names that file. */
function mergeThatDrops({ work, push }: Origin, first: string): string {
  git(work, ['checkout', '-q', '-b', 'topic', first])
  git(work, ['commit', '-q', '--allow-empty', '-m', 'topic'])
  git(work, ['merge', '-q', '-s', 'ours', '-m', 'merge', 'main'])
  push('HEAD:refs/heads/main')
  return git(work, ['rev-parse', 'HEAD'])
}

test('what a list of files has concluded is proven by the next poll from the trees, without a sync', async (context) => {
  await using setup = await setUp()
  const { origin, first, poll } = await scene(context, setup)
  const second = origin.commit({ 'README.md': '2' })
  assert.deepEqual((await sendTo(setup, pushed(first, second, ['README.md']))).notAffected, ['api'])
  await poll()
  assert.equal(await isAsked(setup), false)
  assert.equal(await setup.redis.client.hget(`${clusterKeys('prod').prefix}:heads-told`, 'api'), second)
})

test('a merge that drops a change which its commits do not name is found by the next poll', async (context) => {
  await using setup = await setUp()
  const { origin, first, work, poll } = await scene(context, setup)
  const second = origin.commit({ 'api/cm.json': configMap(2) })
  await sendTo(setup, pushed(first, second, ['api/cm.json']))
  await work()
  const third = mergeThatDrops(origin, first)
  assert.deepEqual((await sendTo(setup, pushed(second, third, []))).notAffected, ['api'])
  assert.equal(await isAsked(setup), false)
  await poll()
  assert.equal(await isAsked(setup), true)
})

test('a branch whose head is not the one that the push named wakes its applications as ever', async (context) => {
  await using setup = await setUp()
  const { origin, first, poll } = await scene(context, setup)
  assert.deepEqual((await sendTo(setup, pushed(first, 'e'.repeat(40), ['README.md']))).notAffected, ['api'])
  origin.commit({ 'README.md': '2' })
  await poll()
  assert.equal(await isAsked(setup), true)
})
