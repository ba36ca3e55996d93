import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'node:test'
import { GitwakeError } from '../../src/model/error.ts'
import { clusterKeys } from '../../src/model/keys.ts'
import type { SyncResult } from '../../src/model/result.ts'
import { delivery, failed, resultOf, setUp, targetOf, trigger, withRetries } from './setup.ts'
import { until } from './until.ts'

const api = targetOf('api')
const never = { retryable: { firstMs: 3_600_000, mostMs: 3_600_000 }, refused: { firstMs: 3_600_000, mostMs: 3_600_000 } }
const soon = { retryable: { firstMs: 50, mostMs: 200 }, refused: { firstMs: 50, mostMs: 200 } }

type Setup = Awaited<ReturnType<typeof setUp>>
const field = async (setup: Setup, name: string): Promise<number> =>
  Number(await setup.redis.client.hget(clusterKeys('prod').application('api'), name))
const isDone = async (setup: Setup): Promise<boolean> => (await field(setup, 'want')) <= (await field(setup, 'done'))

test('a failing commit that is being retried, and a push in mid-run: the fix is run at once', async () => {
  await using setup = await setUp()
  const release = Promise.withResolvers<void>()
  const runs: { seen: number; reason: string }[] = []
  setup.work({
    // The second failure would wait for an hour, the fix with it if it had to.
    backoff: { ...never, retryable: { firstMs: 50, mostMs: 50 } },
    ensureIntervalMs: 3_600_000,
    run: async (job) => {
      const number = runs.push({ seen: job.seen, reason: job.reason })
      if (number === 2) await release.promise
      return number <= 2 ? resultOf(job, failed(number === 1)) : resultOf(job)
    },
  })
  const broken = await setup.intake.acceptTrigger(api, trigger())
  await until(() => runs.length === 2)
  const fix = await setup.intake.acceptTrigger(api, trigger())
  release.resolve()
  await until(async () => (await field(setup, 'done')) === fix.wanted)
  assert.deepEqual(runs, [
    { seen: broken.wanted, reason: 'push' },
    { seen: broken.wanted, reason: 'retry' },
    { seen: fix.wanted, reason: 'push' },
  ])
})

test('the run after a failure knows of it, also of one that was given up, until one succeeds', async () => {
  await using setup = await setUp()
  const after: (boolean | undefined)[] = []
  setup.work({
    backoff: soon,
    configuration: () => withRetries(setup, 1),
    run: async (job) => (after.push(job.afterFailure) <= 2 ? resultOf(job, failed(true)) : resultOf(job)),
  })
  await setup.intake.acceptTrigger(api, trigger('drift'))
  await until(async () => after.length === 2 && (await isDone(setup)))
  for (const length of [3, 4]) {
    await setup.intake.acceptTrigger(api, trigger())
    await until(async () => after.length === length && (await isDone(setup)))
  }
  assert.deepEqual(after, [undefined, true, true, undefined])
})

test('a push in mid-run of a commit that succeeds is run afterwards: it was not in there', async () => {
  await using setup = await setUp()
  const release = Promise.withResolvers<void>()
  const seen: number[] = []
  setup.work({
    ensureIntervalMs: 3_600_000,
    run: async (job) => {
      if (seen.push(job.seen) === 1) await release.promise
      return resultOf(job)
    },
  })
  const first = await setup.intake.acceptTrigger(api, trigger())
  await until(() => seen.length === 1)
  const second = await setup.intake.acceptTrigger(api, trigger())
  release.resolve()
  await until(async () => (await field(setup, 'done')) === second.wanted)
  assert.deepEqual(seen, [first.wanted, second.wanted])
})

test('a push while a failed commit waits for its retry does not wait with it', async () => {
  await using setup = await setUp()
  let runs = 0
  setup.work({ backoff: never, run: async (job) => resultOf(job, (runs += 1) === 1 ? failed(false) : {}) })
  await setup.intake.acceptTrigger(api, trigger())
  await until(async () => (await field(setup, 'notBefore')) > Date.now())
  const fix = await setup.intake.acceptTrigger(api, trigger())
  await until(async () => (await field(setup, 'done')) === fix.wanted)
  assert.equal(await field(setup, 'attempts'), 0)
})

test('a sweep does not restart the retries of a failing commit', async () => {
  await using setup = await setUp()
  let runs = 0
  const worker = setup.work({ backoff: never, ensureIntervalMs: 50, run: async (job) => resultOf(job, ((runs += 1), failed(true))) })
  await setup.intake.acceptTrigger(api, trigger())
  await until(async () => (await field(setup, 'notBefore')) > Date.now())
  await setup.intake.acceptTrigger(api, trigger('drift'))
  await worker.drained(AbortSignal.timeout(20_000))
  assert.equal(runs, 1)
})

test('failures are retried until they succeed, with growing pauses', async () => {
  await using setup = await setUp()
  let runs = 0
  const results: SyncResult[] = []
  setup.work({
    backoff: soon,
    onResult: (result) => void results.push(result),
    run: async (job) => resultOf(job, (runs += 1) <= 3 ? failed(runs !== 2) : {}),
  })
  await setup.intake.acceptTrigger(api, trigger())
  // A result is told after it was recorded.
  await until(() => results.length === 4)
  assert.deepEqual(
    results.map(({ outcome, reason }) => `${outcome} ${reason}`),
    ['failed push', 'failed retry', 'failed retry', 'synced retry'],
  )
})

test('a held plan answers its ticket and is not tried again', async () => {
  await using setup = await setUp()
  let runs = 0
  const worker = setup.work({
    backoff: soon,
    ensureIntervalMs: 50,
    run: async () => {
      runs += 1
      throw new GitwakeError('plan-held', 'too many deletes', { fix: 'confirm', held: true })
    },
  })
  await setup.intake.acceptTrigger(api, trigger())
  await until(async () => runs === 1 && (await isDone(setup)))
  await worker.drained(AbortSignal.timeout(20_000))
  assert.equal(runs, 1)
})

test('a confirmation reaches the next run, and only that one', async () => {
  await using setup = await setUp()
  const confirmed: (string | undefined)[] = []
  setup.work({
    run: async (job) => {
      confirmed.push(job.confirmedPlan)
      return resultOf(job)
    },
  })
  await setup.intake.confirmPlan(api, 'plan-7', 'ada')
  await setup.intake.acceptTrigger(api, trigger('manual'))
  await until(async () => confirmed.length === 1 && (await isDone(setup)))
  await setup.intake.acceptTrigger(api, trigger('manual'))
  await until(async () => confirmed.length === 2 && (await isDone(setup)))
  assert.deepEqual(confirmed, ['plan-7', undefined])
})

test('a confirmation that waited too long for a worker confirms nothing', async () => {
  await using setup = await setUp()
  const confirmed: (string | undefined)[] = []
  await setup.intake.confirmPlan(api, 'plan-7', 'ada')
  const key = clusterKeys('prod').application('api')
  const leftMs = Number(await setup.redis.client.hget(key, 'confirmUntil')) - Date.now()
  assert.ok(leftMs > 14 * 60_000 && leftMs <= 15 * 60_000)
  await setup.redis.client.hset(key, 'confirmUntil', Date.now() - 1)
  await setup.intake.acceptTrigger(api, trigger('manual'))
  setup.work({ run: async (job) => (confirmed.push(job.confirmedPlan), resultOf(job)) })
  await until(async () => confirmed.length === 1 && (await isDone(setup)))
  assert.deepEqual(confirmed, [undefined])
})

test('a run learns that a newer push waits, and the newer one follows', async () => {
  await using setup = await setUp()
  const outcomes: string[] = []
  const started = Promise.withResolvers<void>()
  setup.work({
    run: async (job, control) => {
      if (outcomes.length > 0) {
        outcomes.push('synced')
        return resultOf(job)
      }
      started.resolve()
      await until(async () => control.superseded())
      outcomes.push('superseded')
      return resultOf(job, { outcome: 'superseded' })
    },
  })
  await setup.intake.acceptTrigger(api, trigger())
  await started.promise
  const newer = await setup.intake.acceptTrigger(api, trigger())
  await until(async () => (await field(setup, 'done')) === newer.wanted)
  assert.deepEqual(outcomes, ['superseded', 'synced'])
})

test('a newer request that brings nothing new lets a run go on, and has one of its own afterwards', async () => {
  await using setup = await setUp()
  const seen: number[] = []
  const [started, asked] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const answers: boolean[] = []
  setup.work({
    run: async (job, control) => {
      started.resolve()
      seen.push(job.seen)
      await asked.promise
      if (seen.length === 1) {
        for (const known of ['configuration', 'nobody']) answers.push(await control.superseded(({ actor }) => actor !== known))
        answers.push(await control.superseded())
      }
      return resultOf(job)
    },
  })
  const first = await setup.intake.acceptTrigger(api, trigger())
  await started.promise
  const newer = await setup.intake.acceptTrigger(api, trigger('poll', { actor: 'configuration' }))
  asked.resolve()
  await until(async () => (await field(setup, 'done')) === newer.wanted)
  assert.deepEqual(answers, [false, true, true])
  assert.deepEqual(seen, [first.wanted, newer.wanted])
})

test('what asks for the very commit that a run applied is answered with it, up to the first request that asks for more', async () => {
  await using setup = await setUp()
  const [applied, next] = ['a'.repeat(40), 'b'.repeat(40)]
  const results: SyncResult[] = []
  const [started, asked] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  setup.work({
    onResult: (result) => void results.push(result),
    run: async (job) => {
      started.resolve()
      await asked.promise
      return resultOf(job, { revision: results.length === 0 ? applied : next })
    },
  })
  await setup.intake.acceptTrigger(api, trigger('poll', { actor: 'configuration' }))
  await started.promise
  await setup.intake.acceptTrigger(api, trigger('poll', { revision: applied }))
  const from = { provider: 'github', id: 'd1' }
  const answered = await setup.intake.acceptTrigger(api, trigger('push', { revision: applied, delivery: from }))
  await setup.intake.acceptTrigger(api, trigger('push', { revision: next }))
  const last = await setup.intake.acceptTrigger(api, trigger('push', { revision: applied }))
  asked.resolve()
  await until(async () => results.length === 2 && (await field(setup, 'done')) === last.wanted)
  assert.deepEqual(
    results.map(({ seen, triggers }) => [seen, triggers.map(({ reason, revision }) => [reason, revision])]),
    [
      [
        answered.wanted,
        [
          ['poll', undefined],
          ['poll', applied],
          ['push', applied],
        ],
      ],
      [
        last.wanted,
        [
          ['push', next],
          ['push', applied],
        ],
      ],
    ],
  )
  assert.equal(await setup.redis.client.hget(clusterKeys('prod').application('api'), 'running'), null)
})

test('a run that failed answers nothing that came while it went on', async () => {
  await using setup = await setUp()
  const seen: number[] = []
  const [started, asked] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  setup.work({
    backoff: never,
    run: async (job) => {
      started.resolve()
      await asked.promise
      seen.push(job.seen)
      const outcome = seen.length === 1 ? 'failed' : 'synced'
      return resultOf(job, { revision: 'a'.repeat(40), outcome })
    },
  })
  const first = await setup.intake.acceptTrigger(api, trigger())
  await started.promise
  const second = await setup.intake.acceptTrigger(api, trigger('push', { revision: 'a'.repeat(40) }))
  asked.resolve()
  await until(async () => (await field(setup, 'done')) === second.wanted)
  assert.deepEqual(seen, [first.wanted, second.wanted])
})

test('the job names every delivery that it answers, strongest reason first', async () => {
  await using setup = await setUp()
  await setup.intake.acceptTrigger(api, trigger('drift'))
  await setup.intake.acceptTrigger(api, trigger('manual', { actor: 'grace' }))
  await setup.intake.acceptDelivery(delivery('d1'), [api], trigger('push', { delivery: { provider: 'github', id: 'd1' } }))
  const jobs: unknown[] = []
  setup.work({
    run: async (job) => {
      jobs.push([job.reason, job.triggers.map(({ reason, actor, delivery: from }) => [reason, actor, from?.id])])
      return resultOf(job)
    },
  })
  await until(() => jobs.length === 1)
  assert.deepEqual(jobs, [
    [
      'push',
      [
        ['drift', undefined, undefined],
        ['manual', 'grace', undefined],
        ['push', undefined, 'd1'],
      ],
    ],
  ])
})

test('an error that a run throws becomes its recorded outcome', async () => {
  await using setup = await setUp()
  const results: SyncResult[] = []
  setup.work({
    backoff: never,
    onResult: (result) => void results.push(result),
    run: async () => {
      throw new GitwakeError('git-unreachable', 'no route to host', { fix: 'check the network', retryable: true })
    },
  })
  await setup.intake.acceptTrigger(api, trigger())
  await until(() => results.length === 1)
  assert.equal(results[0]?.outcome, 'failed')
  assert.equal(results[0].problem?.code, 'git-unreachable')
  assert.equal(await setup.redis.client.xlen(clusterKeys('prod').outcomes), 1)
})

test('a job for an application that the configuration does not have is answered and never run', async () => {
  await using setup = await setUp()
  const results: SyncResult[] = []
  setup.work({ onResult: (result) => void results.push(result), run: async () => assert.fail('it ran') })
  await setup.intake.acceptTrigger(targetOf('gone'), trigger())
  await until(() => results.length === 1)
  assert.equal(results[0]?.problem?.code, 'unknown-application')
})

test('two workers never run one application at the same time, and lose nothing', async () => {
  const names = ['a', 'b', 'c']
  await using setup = await setUp(names)
  const active = new Map<string, number>()
  let most = 0
  const run = async (job: Parameters<typeof resultOf>[0]): Promise<SyncResult> => {
    const now = (active.get(job.application) ?? 0) + 1
    active.set(job.application, now)
    most = Math.max(most, now)
    await sleep(Math.random() * 8)
    active.set(job.application, (active.get(job.application) ?? 1) - 1)
    return resultOf(job)
  }
  const workers = [setup.work({ run }), setup.work({ run })]
  for (let push = 0; push < 300; push += 1) {
    await setup.intake.acceptTrigger(targetOf(names[push % 3] ?? 'a'), trigger())
    if (push % 7 === 0) await sleep(5)
  }
  await Promise.all(workers.map(async (worker) => worker.drained(AbortSignal.timeout(30_000))))
  assert.equal(most, 1)
  for (const name of names) {
    const [want, done] = await setup.redis.client.hmget(clusterKeys('prod').application(name), 'want', 'done')
    assert.equal(done, want)
  }
})

test('1,000 random interleavings of push, run and failure end with everything answered and at most one extra sync', async () => {
  await using setup = await setUp(Array.from({ length: 40 }, (_, index) => `app-${index}`))
  const names = [...setup.configuration.applications.keys()]
  const seen = new Map<string, number[]>()
  const worker = setup.work({
    backoff: { retryable: { firstMs: 20, mostMs: 40 }, refused: { firstMs: 20, mostMs: 40 } },
    ensureIntervalMs: 200,
    run: async (job) => {
      if (Math.random() < 0.7) await sleep(Math.random() * 10)
      const kind = Math.random()
      if (kind < 0.2) return resultOf(job, failed(kind < 0.1))
      seen.set(job.application, [...(seen.get(job.application) ?? []), job.seen])
      return resultOf(job)
    },
  })
  // 25 rounds over 40 applications: each round is an interleaving of its own with whatever still runs of the rounds before.
  for (let round = 0; round < 25; round += 1) {
    const pushes = names.flatMap((name) =>
      Array.from({ length: Math.floor(Math.random() * 4) }, async () => {
        await sleep(Math.random() * 20)
        await setup.intake.acceptTrigger(targetOf(name), trigger())
      }),
    )
    await Promise.all(pushes)
  }
  await until(async () => {
    await worker.drained(AbortSignal.timeout(30_000))
    const states = await Promise.all(
      names.map(async (name) => setup.redis.client.hmget(clusterKeys('prod').application(name), 'want', 'done')),
    )
    return states.every(([want, done]) => want === done)
  })
  for (const [name, runs] of seen) {
    assert.deepEqual(
      runs,
      runs.toSorted((left, right) => left - right),
      `${name} went backwards`,
    )
    assert.ok(runs.length - new Set(runs).size <= 1, `${name} synced one ticket more than once too often`)
  }
})

test('a worker that shuts down in mid-run gives the sync to another', async () => {
  await using setup = await setUp()
  const started = Promise.withResolvers<void>()
  const first = setup.work({
    run: async (_job, { signal }) => {
      started.resolve()
      await sleep(600_000, undefined, { signal })
      return assert.fail('it was not told to stop')
    },
  })
  const { wanted } = await setup.intake.acceptTrigger(api, trigger())
  await started.promise
  await first.close()
  assert.equal(await field(setup, 'attempts'), 0)
  setup.work({ run: async (job) => resultOf(job) })
  await until(async () => (await field(setup, 'done')) === wanted)
})

test('draining ends when the queue is empty, and leaves what is due later', async () => {
  await using setup = await setUp(['api', 'bad'])
  await setup.intake.acceptTrigger(api, trigger())
  await setup.intake.acceptTrigger(targetOf('bad'), trigger())
  let runs = 0
  const worker = setup.work({
    drain: true,
    backoff: never,
    run: async (job) => ((runs += 1), resultOf(job, job.application === 'bad' ? failed(true) : {})),
  })
  await worker.drained(AbortSignal.timeout(20_000))
  assert.equal(runs, 2)
  assert.ok(await isDone(setup))
})

test('an application over which workers crash repeatedly is left alone until something new is pushed', async () => {
  await using setup = await setUp()
  await setup.intake.acceptTrigger(api, trigger())
  const queue = await setup.intake.jobs('prod').queue()
  const [job] = await queue.getJobs(['prioritized'])
  // As BullMQ marks a job whose worker has vanished more than three times.
  const { client } = setup.redis
  const want = await field(setup, 'want')
  await client.hset(clusterKeys('prod').application('api'), 'running', want)
  await client.hset(`${clusterKeys('prod').prefix}:sync:${job?.id}`, 'defa', 'job stalled more than allowable limit')
  const results: SyncResult[] = []
  setup.work({ ensureIntervalMs: 50, onResult: (result) => void results.push(result), run: async (one) => resultOf(one) })
  await until(() => results.length === 1)
  assert.equal(results[0]?.problem?.code, 'worker-crashed')
  assert.ok((await field(setup, 'notBefore')) > Date.now() + 60_000)
  await setup.intake.acceptTrigger(api, trigger())
  await until(() => results.length === 2)
  assert.deepEqual(
    results.map(({ outcome }) => outcome),
    ['failed', 'synced'],
  )
})

test('a limit of tries ends them with an answer, and something new is tried again', async () => {
  await using setup = await setUp()
  const results: SyncResult[] = []
  setup.work({
    backoff: soon,
    ensureIntervalMs: 50,
    configuration: () => withRetries(setup, 2),
    run: async (job) => resultOf(job, failed(true)),
    onResult: (result) => results.push(result),
  })
  await setup.intake.acceptTrigger(api, trigger())
  await until(async () => isDone(setup))
  assert.deepEqual(
    results.map(({ problem }) => problem?.retryable),
    [true, true, false],
  )
  assert.match(results[2]?.message ?? '', /^it failed; given up after 3 tries/)
  await setup.intake.acceptTrigger(api, trigger())
  await until(async () => results.length === 6 && (await isDone(setup)))
})
