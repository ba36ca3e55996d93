import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Application } from '../../src/model/configuration.ts'
import type { RunSync } from '../../src/queue/run.ts'
import { publishStatus } from '../../src/queue/status.ts'
import { requireDependencies, wakeDependents } from '../../src/roles/dependencies.ts'
import { failed, resultOf, setUp, targetOf, trigger } from '../queue/setup.ts'
import { until } from '../queue/until.ts'

const BACKOFF = { retryable: { firstMs: 3_600_000, mostMs: 3_600_000 }, refused: { firstMs: 3_600_000, mostMs: 3_600_000 } }

/** `web` depends on `api`; what `api` ends with is given, what `web` does is kept in `ran`. */
async function open(api: RunSync) {
  const setup = await setUp(['api', 'web'])
  const applications = new Map<string, Application>(
    [...setup.configuration.applications.values()].map((one) => [one.name, one.name === 'web' ? { ...one, dependsOn: ['api'] } : one]),
  )
  const ran: string[] = []
  const options = {
    configuration: () => ({ ...setup.configuration, applications }),
    redis: setup.connections.producer,
    intake: setup.intake,
  }
  const run: RunSync = async (job, control) => {
    const application = applications.get(job.application)
    assert.ok(application)
    await requireDependencies(application, { ...options, signal: control.signal })
    const result = job.application === 'api' ? await api(job, control) : resultOf(job)
    ran.push(`${job.application} ${result.outcome}`)
    return result
  }
  setup.work({ run, backoff: BACKOFF, onResult: (result) => void wakeDependents(result, options).catch(() => undefined) })
  const push = async (...names: readonly string[]): Promise<void> => {
    for (const name of names) await setup.intake.acceptTrigger(targetOf(name), trigger())
  }
  return { setup, ran, push }
}

test('what one push brings for both is applied first where the other depends on it', async () => {
  const release = Promise.withResolvers<void>()
  const { setup, ran, push } = await open(async (job) => {
    await release.promise
    return resultOf(job)
  })
  await using _ = setup
  await publishStatus(setup.connections.producer, 'prod', 'api', { applied: { revision: 'a'.repeat(40), at: 1 }, health: 'current' })
  await push('api', 'web')
  await until(async () => (await setup.connections.producer.hexists('{gitwake:prod}:app:web', 'running')) === 1)
  assert.deepEqual(ran, [])
  release.resolve()
  await until(() => ran.length >= 2) // the wake-up may come late, and have it synced once more
  assert.deepEqual(ran.slice(0, 2), ['api synced', 'web synced'])
})

test('nothing is applied while what it depends on fails, and at once when that is mended', async () => {
  let broken = true
  const { setup, ran, push } = await open(async (job) => resultOf(job, broken ? failed(false) : {}))
  await using _ = setup
  await publishStatus(setup.connections.producer, 'prod', 'api', { applied: { revision: 'a'.repeat(40), at: 1 }, health: 'current' })
  await push('api', 'web')
  await until(async () => (await setup.connections.producer.hexists('{gitwake:prod}:app:web', 'failed')) === 1)
  assert.deepEqual(ran, ['api failed'])
  broken = false
  await push('api')
  await until(() => ran.length >= 3)
  assert.deepEqual(ran.slice(0, 3), ['api failed', 'api synced', 'web synced'])
})
