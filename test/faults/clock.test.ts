import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { clusterKeys } from '../../src/model/keys.ts'
import { readCanary } from '../../src/queue/canary.ts'
import { connectRedis } from '../../src/queue/connection.ts'
import { startTestRedis } from '../queue/redis.ts'
import { setUp, silent, targetOf, trigger } from '../queue/setup.ts'
import { until } from '../queue/until.ts'
import { shiftedClock } from '../support/shifted-clock.ts'
import { githubHeaders, githubPush, gitlabHeaders, gitlabKey } from '../webhook/support.ts'
import { serveAlone } from './serve-alone.ts'

const MINUTE = 60_000
const api = targetOf('api')
const key = clusterKeys('prod').application('api')
const off = (minutes: number): string => `${Math.abs(minutes)} min ${minutes < 0 ? 'slow' : 'fast'}`

/** A worker as a process of its own, with a wrong clock. */
function startClockWorker(url: string, minutes: number): AsyncDisposable {
  const script = fileURLToPath(import.meta.url).replace('clock.test', 'clock-worker')
  const child = spawn(process.execPath, [script, url], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ...shiftedClock(minutes * MINUTE) },
  })
  const end = (): void => void child.kill('SIGKILL')
  process.once('exit', end)
  const exited = once(child, 'exit')
  return {
    [Symbol.asyncDispose]: async () => {
      end()
      process.off('exit', end)
      await exited
    },
  }
}

for (const minutes of [-10, 10]) {
  test(`a worker whose clock is ${off(minutes)} retries a failure when it is due`, async () => {
    await using setup = await setUp()
    await using _worker = startClockWorker(setup.redis.url, minutes)
    const { wanted } = await setup.intake.acceptTrigger(api, trigger())
    await until(async () => (await setup.redis.client.hget(key, 'done')) === String(wanted), 30_000)
  })

  test(`a canary that comes back at a worker whose clock is ${off(minutes)} is as old as it is, for everybody`, async () => {
    await using setup = await setUp()
    await using _worker = startClockWorker(setup.redis.url, minutes)
    const canary = async () => readCanary(setup.connections.producer, 'prod')
    await until(async () => (await canary()) !== undefined)
    const { at = 0, roundTripMs = MINUTE } = (await canary()) ?? {}
    // Else probes would have a worker restarted whose clock is right, or would not notice for minutes that a queue stands still.
    assert.ok(Math.abs(Date.now() - at) < 5 * MINUTE)
    assert.ok(roundTripMs < 5 * MINUTE)
  })

  test(`a receiver whose clock is ${off(minutes)} takes what is signed without a time, and says why it refuses what is signed with one`, async () => {
    await using stack = new AsyncDisposableStack()
    const { program } = await serveAlone(stack, {
      GITHUB_WEBHOOK_SECRET: 'a-secret-of-github',
      GITLAB_WEBHOOK_SECRET: gitlabKey,
      ...shiftedClock(minutes * MINUTE),
    })
    const post = async (provider: string, headers: Record<string, string>) =>
      (await fetch(`${program.url}/hooks/${provider}`, { method: 'POST', headers, body: push })).status
    const push = JSON.stringify(githubPush())
    await until(async () => (await post('github', githubHeaders(push, 'a-secret-of-github'))) === 202)
    assert.equal(await post('gitlab', gitlabHeaders(push, { key: gitlabKey })), 401)
    const side = minutes < 0 ? 'ahead of' : 'behind'
    await until(() => new RegExp(`webhook-timestamp is \\d+ s ${side} this machine's clock`).test(program.output()))
    assert.match(program.output(), new RegExp(`this machine's clock is \\d+ s ${minutes < 0 ? 'behind' : 'ahead of'} that of Redis`))
  })
}

test('a confirmation reaches its run although the clock of the receiver is an hour slow, and is forgotten although it is an hour fast', async (context) => {
  await using setup = await setUp()
  const right = Date.now
  for (const hours of [-1, 1]) {
    context.mock.method(Date, 'now', () => right() + hours * 60 * MINUTE)
    await setup.intake.confirmPlan(api, 'plan-7', 'ada')
    await setup.intake.depart(api, 'detach', 'ada')
    context.mock.restoreAll()
    const fields = await setup.redis.client.hmget(key, 'confirmUntil', 'departureUntil')
    for (const until of fields) assert.ok(Math.abs(Number(until) - right() - 15 * MINUTE) < 5 * MINUTE)
  }
})

test('a clock that Redis does not share is told once it is connected, and one that it shares is not', async (context) => {
  await using stack = new AsyncDisposableStack()
  const redis = await startTestRedis()
  stack.defer(() => redis.close())
  const right = Date.now
  for (const minutes of [0, 10]) {
    const warnings: string[] = []
    context.mock.method(Date, 'now', () => right() + minutes * MINUTE)
    const log = { ...silent, warn: (_fields: object, message?: string) => void warnings.push(message?.replace(/:.*/, '') ?? '') }
    const connections = connectRedis({ url: redis.url, log })
    stack.defer(() => connections.close())
    await connections.ready(AbortSignal.timeout(20_000))
    if (minutes > 0) await until(() => warnings.length > 0)
    assert.deepEqual(warnings, minutes > 0 ? ["this machine's clock is 600 s ahead of that of Redis"] : [])
    context.mock.restoreAll()
  }
})
