import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clusterKeys } from '../../src/model/keys.ts'
import { subjectText, type PlanSubject } from '../../src/model/plan-report.ts'
import { createPlanner, keepPlan } from '../../src/queue/plans.ts'
import { samplePlan } from '../web/samples.ts'
import { resultOf, setUp, trigger } from './setup.ts'
import { until } from './until.ts'

const TARGET = { application: 'api', cluster: 'prod', repository: 'shop' }
const HEAD: PlanSubject = { of: 'head' }
const TOPIC: PlanSubject = { of: 'ref', ref: 'refs/heads/topic' }

test('a plan is made by a worker, kept for who asked, and answers no ticket', async () => {
  await using setup = await setUp()
  const redis = setup.connections.producer
  const planner = createPlanner({ redis, jobs: setup.intake.jobs })
  const ran: string[] = []
  setup.work({
    run: async (job) => resultOf(job),
    plan: async (application, subject) => {
      ran.push(`${application} ${subject}`)
      const place = { cluster: 'prod', application, subject: subject === '' ? HEAD : TOPIC }
      await keepPlan(redis, place, async () => samplePlan({ application, subject: place.subject }))
    },
  })
  const { wanted } = await setup.intake.acceptTrigger(TARGET, trigger('manual'))
  const since = await planner.ask(TARGET, TOPIC)
  await until(async () => (await planner.find(TARGET, TOPIC, since)) !== undefined)
  assert.deepEqual(ran, [`api ${subjectText(TOPIC)}`])
  assert.equal(await planner.find(TARGET, HEAD, 0), undefined)
  assert.equal(await planner.find(TARGET, TOPIC, since + 60_000), undefined, 'one that began before the question is no answer')
  const key = clusterKeys('prod').plan('api', subjectText(TOPIC))
  assert.ok((await redis.ttl(key)) > 0)
  const application = clusterKeys('prod').application('api')
  await until(async () => (await redis.hget(application, 'done')) === String(wanted))
  assert.equal(await redis.hget(application, 'want'), String(wanted))
})

test('many who ask while one is being made get one more, which began after they asked', async () => {
  await using setup = await setUp()
  const redis = setup.connections.producer
  const planner = createPlanner({ redis, jobs: setup.intake.jobs })
  const release = Promise.withResolvers<void>()
  let runs = 0
  setup.work({
    run: async (job) => resultOf(job),
    plan: async (application) => {
      runs += 1
      const message = `run ${runs}`
      await keepPlan(redis, { cluster: 'prod', application, subject: HEAD }, async () => {
        if (message === 'run 1') await release.promise
        return samplePlan({ message })
      })
    },
  })
  await planner.ask(TARGET, HEAD)
  await until(() => runs === 1)
  const asked = await Promise.all(Array.from({ length: 20 }, async () => planner.ask(TARGET, HEAD)))
  release.resolve()
  const last = Math.max(...asked)
  await until(async () => (await planner.find(TARGET, HEAD, last)) !== undefined)
  assert.equal((await planner.find(TARGET, HEAD, last))?.message, 'run 2')
  assert.equal(runs, 2)
})

test('a plan too large to keep loses its differences first, then its last changes, and says so', async () => {
  await using setup = await setUp()
  const redis = setup.connections.producer
  const planner = createPlanner({ redis, jobs: setup.intake.jobs })
  const [sample] = samplePlan().changes
  if (sample === undefined) throw new Error('the sample has no change')
  const field = { field: 'spec.x', op: 'change' as const, before: 'x'.repeat(400), after: 'y'.repeat(400) }
  const keep = async (changes: number, fields: number) => {
    const many = Array.from({ length: changes }, () => ({ ...sample, diff: Array.from({ length: fields }, () => field) }))
    await keepPlan(redis, { cluster: 'prod', application: 'api', subject: HEAD }, async () =>
      samplePlan({ changes: many, counts: { configured: changes } }),
    )
    return planner.find(TARGET, HEAD, 0)
  }
  const bare = await keep(100, 20)
  assert.equal(bare?.changes.length, 100)
  assert.equal(bare?.changes[0]?.diff, undefined)
  assert.match(bare?.warnings.at(-1) ?? '', /too large/)
  const cut = await keep(20_000, 1)
  assert.ok((cut?.changes.length ?? 0) < 2_000)
  assert.equal(cut?.counts.configured, 20_000)
  assert.ok((await redis.strlen(clusterKeys('prod').plan('api', ''))) < 300_000)
})
