import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { clusterKeys } from '../../src/model/keys.ts'
import { connectRedis } from '../../src/queue/connection.ts'
import { openJobs } from '../../src/queue/jobs.ts'
import { spawnOwned } from '../support/owned-process.ts'
import { resultOf, setUp, silent, targetOf, trigger, type Setup } from './setup.ts'
import { until } from './until.ts'

/** A worker of one of the programs beside this file, as a process of its own; `says` waits for what it prints next. */
function startWorkerProcess(program: string, { redis }: Setup): { readonly child: ChildProcess; readonly says: () => Promise<unknown> } {
  const script = fileURLToPath(import.meta.resolve(`./${program}.js`))
  const child = spawnOwned(process.execPath, [script, redis.url], { stdio: ['pipe', 'pipe', 'inherit'] })
  const { stdout } = child
  assert.ok(stdout)
  return { child, says: () => once(stdout, 'data') }
}

test('a worker that is killed in mid-run delays the fix of its commit by less than 15 s', async () => {
  await using setup = await setUp()
  const { child, says } = startWorkerProcess('crash-worker', setup)
  try {
    await setup.intake.acceptTrigger(targetOf('api'), trigger())
    await says()
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
    const seen: number[] = []
    setup.work({ run: async (job) => (seen.push(job.seen), resultOf(job)) })
    const fix = await setup.intake.acceptTrigger(targetOf('api'), trigger())
    const isDone = async () => (await setup.redis.client.hget(clusterKeys('prod').application('api'), 'done')) === String(fix.wanted)
    await until(isDone, 15_000)
    assert.deepEqual(seen, [fix.wanted])
  } finally {
    child.kill('SIGKILL')
  }
})

test('a worker stops within 25 s although Redis is away and a sync runs', async () => {
  await using setup = await setUp()
  const started = Promise.withResolvers<void>()
  const worker = setup.work({
    run: async (job, { signal }) => {
      started.resolve()
      await once(signal, 'abort')
      return resultOf(job, { outcome: 'superseded' })
    },
  })
  await setup.intake.acceptTrigger(targetOf('api'), trigger())
  await started.promise
  await setup.redis.kill()
  let isClosed = false
  void worker.close().then(() => (isClosed = true))
  await until(() => isClosed, 25_000)
})

test('a queue that is opened while its connection waits for answers takes jobs, and ends no process', async () => {
  await using setup = await setUp()
  const { queues } = setup.connections
  await setup.redis.each((server) => server.call('CLIENT', 'PAUSE', '300'))
  // The first is on its way; the second would wait for it in a pipeline made before BullMQ has defined its scripts, if there were pipelines here.
  const first = queues.get('one')
  await new Promise(setImmediate)
  const second = queues.get('two')
  await openJobs(queues, 'prod').addSync('api', 1, false)
  assert.deepEqual(await Promise.all([first, second]), [null, null])
})

test('a worker that runs nothing stops at once although Redis is away, and does not speak of syncs', async () => {
  await using setup = await setUp()
  const warnings: unknown[] = []
  const worker = setup.work({
    run: async (job) => resultOf(job),
    log: { ...silent, warn: (_fields: object, message?: string) => void warnings.push(message) },
  })
  const { wanted } = await setup.intake.acceptTrigger(targetOf('api'), trigger())
  await until(async () => (await setup.redis.client.hget(clusterKeys('prod').application('api'), 'done')) === String(wanted))
  // What it did is recorded, and then that its job has ended.
  await until(async () => (await setup.redis.client.llen(`${clusterKeys('prod').prefix}:sync:active`)) === 0)
  await setup.redis.kill()
  let isClosed = false
  void worker.close().then(() => (isClosed = true))
  await until(() => isClosed, 10_000)
  assert.deepEqual(warnings, [])
})

test('a worker whose Redis ends between the record of a sync and the end of its job exits by itself', async () => {
  await using setup = await setUp()
  const { child, says } = startWorkerProcess('halting-worker', setup)
  try {
    const exited = once(child, 'exit', { signal: AbortSignal.timeout(40_000) })
    await setup.intake.acceptTrigger(targetOf('api'), trigger())
    await says()
    await setup.redis.kill()
    child.stdin?.write('go on')
    assert.deepEqual(await exited, [0, null])
  } finally {
    child.kill('SIGKILL')
  }
})

test('a connection that is begun anew after all were closed is ended at once, and keeps no process', async () => {
  await using setup = await setUp()
  const connections = connectRedis({ url: setup.redis.url, log: silent })
  const blocking = connections.blocking()
  await until(() => blocking.status === 'ready')
  await connections.close()
  await until(() => blocking.status === 'end')
  await blocking.connect().catch(() => undefined)
  await until(() => blocking.status === 'end')
})
