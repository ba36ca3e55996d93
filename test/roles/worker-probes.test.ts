import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { livenessOf, readinessOf, type WorkerState } from '../../src/roles/worker-checks.ts'
import { startWorkerProbes } from '../../src/roles/worker-probes.ts'
import { setUp, silent, type Setup } from '../queue/setup.ts'
import { until } from '../queue/until.ts'

const NOW = 1_800_000_000_000
const seconds = (count: number): number => count * 1_000

/** A worker that has run for an hour, whose last canary came back so many seconds ago. */
const worker = (canaryAge: number | undefined, more: Partial<WorkerState> = {}): WorkerState => ({
  now: NOW,
  patientSince: NOW - seconds(3_600),
  redis: 'answers',
  canaries: new Map([['prod', canaryAge === undefined ? undefined : { at: NOW - seconds(canaryAge), roundTripMs: 3 }]]),
  ...more,
})

const holds = (checks: readonly { readonly ok: boolean }[]): boolean => checks.every(({ ok }) => ok)

describe('what a worker tells about itself', () => {
  for (const [name, state, alive, ready] of [
    ['canaries come back', worker(10), true, true],
    ['some canaries stay out', worker(120), true, false],
    ['no canary for minutes, although Redis answers', worker(400), false, false],
    [
      'no canary for minutes, but the process has just started, or Redis was away',
      worker(400, { patientSince: NOW - seconds(5) }),
      true,
      false,
    ],
    ['no canary ever', worker(undefined), false, false],
    [
      'no canary ever, but the process has just started, or Redis was away',
      worker(undefined, { patientSince: NOW - seconds(5) }),
      true,
      false,
    ],
    ['Redis is away', worker(undefined, { redis: 'does not answer', canaries: new Map() }), true, false],
    ['there is no cluster to work for', worker(0, { canaries: new Map() }), true, true],
  ] as const) {
    it(`${name}: ${alive ? 'alive' : 'to be restarted'}, ${ready ? 'ready' : 'not ready'}`, () => {
      assert.deepEqual([holds(livenessOf(state)), holds(readinessOf(state))], [alive, ready])
    })
  }

  it('one cluster whose queue does not turn is named', () => {
    const canaries = new Map([...worker(10).canaries, ['dead', { at: NOW - seconds(600), roundTripMs: 3 }] as const])
    const failed = livenessOf(worker(10, { canaries })).filter(({ ok }) => !ok)
    assert.deepEqual(failed, [{ name: 'worker dead', ok: false, message: 'the last canary came back 600 s ago' }])
  })
})

describe('the probes of a worker', () => {
  const probesOf = async ({ connections, configuration }: Setup, probePort: number | undefined, drain = false) =>
    startWorkerProbes(
      { settings: { host: '127.0.0.1', probePort }, connections, configuration: { current: () => configuration }, log: silent },
      { drain },
    )

  it('follow the canary through the queue, and tell an outage of Redis without asking for a restart', async () => {
    await using setup = await setUp()
    const probes = await probesOf(setup, 0)
    assert.ok(probes !== undefined)
    const ask = async (path: string): Promise<number> => (await fetch(`${probes.url}${path}`)).status
    try {
      assert.deepEqual([await ask('/healthz'), await ask('/readyz')], [200, 503])
      setup.work({ run: () => Promise.reject(new Error('nothing to run')) })
      await until(async () => (await ask('/readyz')) === 200)
      assert.match(await (await fetch(`${probes.url}/metrics`)).text(), /^gitwake_canary_seconds\{cluster="prod"\} [\d.]+$/m)
      setup.redis.freeze()
      await until(async () => (await ask('/readyz')) === 503)
      assert.equal(await ask('/healthz'), 200)
      assert.match(await (await fetch(`${probes.url}/metrics`)).text(), /^gitwake_redis_up 0$/m)
      setup.redis.thaw()
      await until(async () => (await ask('/readyz')) === 200)
    } finally {
      await probes.close()
    }
  })

  it('answer nothing else, and GET alone', async () => {
    await using setup = await setUp()
    const probes = await probesOf(setup, 0)
    assert.ok(probes !== undefined)
    try {
      assert.equal((await fetch(`${probes.url}/api/applications`)).status, 404)
      assert.equal((await fetch(`${probes.url}/healthz`, { method: 'POST' })).status, 405)
    } finally {
      await probes.close()
    }
  })

  it('are not there unless asked for, nor where the queue is only drained; a port that is taken is told', async () => {
    await using setup = await setUp()
    assert.equal(await probesOf(setup, undefined), undefined)
    assert.equal(await probesOf(setup, 0, true), undefined)
    const probes = await probesOf(setup, 0)
    assert.ok(probes !== undefined)
    try {
      await assert.rejects(probesOf(setup, Number(new URL(probes.url).port)), { code: 'cannot-listen', fix: /GITWAKE_PROBE_PORT/ })
    } finally {
      await probes.close()
    }
  })
})
