import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import request from 'supertest'
import type { Target } from '../../src/model/intake.ts'
import { subjectText, type Planner, type PlanReport, type PlanSubject } from '../../src/model/plan-report.ts'
import { samplePlan } from './samples.ts'
import { BEARER, startWeb } from './start.ts'

const PLAN = '/api/applications/shop-prod/plan'

/** A planner in memory: what a test answers is what it finds, if it is new enough. */
function memoryPlanner() {
  const asked: { readonly target: Target; readonly subject: PlanSubject }[] = []
  let kept: { readonly begunAt: number; readonly report: PlanReport } | undefined
  let clock = 1_000
  const planner: Planner = {
    async ask(target, subject) {
      asked.push({ target, subject })
      return (clock += 10)
    },
    async find(_target, subject, since) {
      const fits = kept !== undefined && kept.begunAt >= since && subjectText(kept.report.subject) === subjectText(subject)
      return fits ? kept?.report : undefined
    },
  }
  return { planner, asked, answer: (report: PlanReport, begunAt = clock) => void (kept = { begunAt, report }) }
}

async function start(t: TestContext) {
  const memory = memoryPlanner()
  const { url } = await startWeb(t, { planner: memory.planner })
  return { ...memory, url, get: (path: string) => request(url).get(path).set(BEARER) }
}

test('a plan is asked for, and found where the answer says', async (t) => {
  const { get, asked, answer } = await start(t)
  const { body, headers } = await get(`${PLAN}?ref=topic`).expect(202)
  assert.equal(headers['location'], body.location)
  assert.deepEqual(asked, [
    { target: { application: 'shop-prod', cluster: 'prod', repository: 'shop' }, subject: { of: 'ref', ref: 'refs/heads/topic' } },
  ])
  await get(body.location).expect(202)
  answer(samplePlan({ subject: { of: 'ref', ref: 'refs/heads/topic' } }))
  const found = await get(body.location).expect(200)
  assert.equal(found.body.outcome, 'changes')
  assert.equal(asked.length, 1, 'who looks again asks for nothing new')
})

test('a plan that began before the question is no answer to it', async (t) => {
  const { get, answer } = await start(t)
  answer(samplePlan(), 1_000)
  await get(PLAN).expect(202)
})

test('who waits gets the plan as soon as it is there', async (t) => {
  const { get, asked, answer } = await start(t)
  const waiting = get(`${PLAN}?wait=30s`).then((value) => value)
  while (asked.length === 0) await new Promise(setImmediate)
  answer(samplePlan())
  const { status, body } = await waiting
  assert.equal(status, 200)
  assert.equal(body.changes[0].diff[0].field, 'spec.replicas')
})

test('a commit that cannot be rendered is told with its reasons', async (t) => {
  const { get, answer } = await start(t)
  const problem = { code: 'bad-yaml', message: 'a.yaml: line 3: not YAML\nb.yaml: no kind', fix: 'Correct it.', retryable: false }
  answer(samplePlan({ outcome: 'failed', problem, changes: [] }), 2_000)
  const { body } = await get(`${PLAN}?wait=1s`).expect(422)
  assert.deepEqual(body.error.reasons, ['a.yaml: line 3: not YAML', 'b.yaml: no kind'])
  answer(samplePlan({ outcome: 'failed', problem: { ...problem, retryable: true } }), 2_000)
  const later = await get(`${PLAN}?wait=1s`).expect(503)
  assert.equal(later.headers['retry-after'], '10')
})

test('what is refused by the API server is a plan all the same', async (t) => {
  const { get, answer } = await start(t)
  answer(samplePlan({ outcome: 'refused' }), 2_000)
  await get(`${PLAN}?wait=1s`).expect(200)
})

test('what nobody could mean is refused before a worker hears of it', async (t) => {
  const { get, asked } = await start(t)
  const sha = 'a'.repeat(40)
  const queries = [
    'ref=refs/pull/7/head',
    'ref=--upload-pack%3Dx',
    'ref=a..b',
    'ref=',
    `ref=${sha}`,
    'revision=abc',
    `revision=${sha.toUpperCase()}`,
    'pull=0',
    'pull=x',
    'pull=7/merge',
    `ref=main&revision=${sha}`,
    'ref=a&ref=b',
  ]
  for (const query of queries) {
    const { body } = await get(`${PLAN}?${query}`).expect(400)
    assert.equal(body.error.code, 'bad-plan', query)
  }
  await get('/api/applications/unknown/plan').expect(404)
  await get('/applications/unknown/plan').set('Accept', 'text/html').expect(404)
  assert.deepEqual(asked, [])
})

test('a plan needs a token', async (t) => {
  const { url, asked } = await start(t)
  await request(url).get(PLAN).expect(401)
  assert.deepEqual(asked, [])
})

test('another site cannot make a browser ask for plans, but may link to one', async (t) => {
  const { get, asked, answer } = await start(t)
  for (const path of [PLAN, '/applications/shop-prod/plan'])
    await get(path).set({ 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Dest': 'image' }).expect(403)
  assert.deepEqual(asked, [])
  answer(samplePlan(), 2_000)
  await get('/applications/shop-prod/plan').set({ 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Dest': 'document' }).expect(200)
})

test('the page of a plan shows every difference, escaped', async (t) => {
  const { get, answer } = await start(t)
  const diff = [{ field: 'data.x', op: 'change' as const, before: '<script>alert(1)</script>', after: '2' }]
  answer(samplePlan({ changes: [{ ...samplePlan().changes[0], diff } as PlanReport['changes'][number]] }), 2_000)
  const { text } = await get('/applications/shop-prod/plan').set('Accept', 'text/html').expect(200)
  assert.ok(text.includes('&lt;script&gt;alert(1)') && !text.includes('<script>alert'))
  assert.ok(text.includes('data.x'))
})
