import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import express from 'express'
import request from 'supertest'
import { GitwakeError } from '../../src/model/error.ts'
import { createMatch } from '../../src/webhook/match.ts'
import { createReceiver } from '../../src/webhook/receiver.ts'
import type { Harness } from './support.ts'
import { configuration, githubHeaders, githubPush, githubSecret, memoryIntake, startReceiver, until } from './support.ts'

const body = JSON.stringify(githubPush())
const redisAway = new GitwakeError('redis-unavailable', 'Redis does not answer.', { retryable: true, fix: 'Start Redis.' })

const post = (harness: Harness, text = body, id = 'one', event = 'push') =>
  request(harness.server)
    .post('/hooks/github')
    .set(githubHeaders(text, githubSecret, id, event))
    .send(text)

async function withReceiver(options: Parameters<typeof startReceiver>[0], use: (harness: Harness) => Promise<void>): Promise<void> {
  const harness = await startReceiver(options)
  try {
    await use(harness)
  } finally {
    await harness.close()
  }
}

describe('when the queue is away', () => {
  it('a push is 503 with Retry-After, is told as missed, and is taken as new when the queue is back', async () => {
    const missed: string[] = []
    const onMissed = (targets: readonly { application: string }[]) => void missed.push(...targets.map(({ application }) => application))
    await withReceiver({ missed: onMissed }, async (harness) => {
      harness.intake.failure = redisAway
      const reply = await post(harness)
      assert.equal(reply.status, 503)
      assert.equal(reply.headers['retry-after'], '5')
      assert.deepEqual(missed, ['shop-prod', 'shop-dev'])
      harness.intake.failure = undefined
      assert.equal((await post(harness)).status, 202)
    })
  })

  it('what asks for nothing is 200 all the same: a 5xx would count against the webhook', async () => {
    await withReceiver({}, async (harness) => {
      harness.intake.failure = redisAway
      assert.equal((await post(harness, body, 'two', 'issues')).status, 200)
      const other = JSON.stringify(githubPush({ ref: 'refs/heads/other' }))
      assert.equal((await post(harness, other, 'three')).status, 200)
    })
  })

  it('a queue that never answers is 503 after its time', async () => {
    const intake = { acceptDelivery: () => new Promise<never>(() => {}) }
    await withReceiver({ intake, limits: { acceptTimeoutMs: 50 } }, async (harness) => {
      assert.equal((await post(harness)).status, 503)
    })
  })

  it('more deliveries than may wait for the queue at once are 503, and places come back', async () => {
    const waiting: (() => void)[] = []
    const inner = memoryIntake()
    const intake = {
      async acceptDelivery(...call: Parameters<typeof inner.acceptDelivery>) {
        await new Promise<void>((resolve) => waiting.push(resolve))
        return inner.acceptDelivery(...call)
      },
    }
    await withReceiver({ intake, limits: { maxAccepting: 2 } }, async (harness) => {
      const first = [1, 2].map((nonce) =>
        post(harness, JSON.stringify(githubPush({ nonce })), `wait-${nonce}`).then(({ status }) => status),
      )
      await until(() => waiting.length === 2)
      assert.equal((await post(harness)).status, 503)
      for (const go of waiting.splice(0)) go()
      assert.deepEqual(await Promise.all(first), [202, 202])
      const again = post(harness).then(({ status }) => status)
      await until(() => waiting.length === 1)
      waiting[0]?.()
      assert.equal(await again, 202)
    })
  })

  it('a fault of our own is a 500 that says nothing about itself, and is in the log', async () => {
    await withReceiver({}, async (harness) => {
      harness.intake.failure = new TypeError('secret detail')
      const reply = await post(harness)
      assert.equal(reply.status, 500)
      assert.ok(!reply.text.includes('secret detail'))
      assert.ok(harness.logged.some(({ level }) => level === 'error'))
    })
  })
})

describe('the rate limit', () => {
  const rateLimit = { requests: 10, perMs: 3_600_000 }

  it('stops a stranger after so many failures, before anything is read, with Retry-After', async () => {
    await withReceiver({ rateLimit }, async (harness) => {
      const statuses = []
      for (let count = 0; count < 15; count++) {
        const reply = await request(harness.server).post('/hooks/github').set({ 'content-type': 'application/json' }).send('{}')
        statuses.push(reply.status)
        if (reply.status === 429) assert.ok(Number(reply.headers['retry-after']) > 0)
      }
      assert.deepEqual(statuses, [...Array<number>(10).fill(401), ...Array<number>(5).fill(429)])
      assert.deepEqual(harness.intake.calls, [])
    })
  })

  it('still listens to a source that has proven itself, whoever shares its address', async () => {
    await withReceiver({ rateLimit }, async (harness) => {
      assert.equal((await post(harness)).status, 202)
      for (let count = 0; count < 20; count++) await request(harness.server).post('/hooks/github').send('{}')
      const stranger = await request(harness.server).post('/hooks/github').set({ 'content-type': 'application/json' }).send('{}')
      assert.equal(stranger.status, 429)
      assert.equal((await post(harness)).status, 200)
    })
  })

  it('lets authentic deliveries through at ten times the rate, and no more', async () => {
    await withReceiver({ rateLimit }, async (harness) => {
      const statuses = new Map<number, number>()
      for (let count = 0; count < 110; count++) {
        const { status } = await post(harness, body, `id-${count}`)
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
      }
      assert.deepEqual([statuses.get(202), statuses.get(429)], [100, 10])
    })
  })
})

describe('the receiver in a server', () => {
  it('works where express mounts it below /hooks', async () => {
    const intake = memoryIntake()
    const silent = { debug: () => {}, warn: () => {}, error: () => {} }
    const seen: [string, number][] = []
    const receiver = createReceiver({
      secrets: { shared: { github: [githubSecret] }, forRepository: async () => undefined },
      intake,
      match: createMatch(() => configuration),
      rateLimit: undefined,
      log: silent,
      observe: (name, status) => void seen.push([name, status]),
    })
    const app = express().use('/hooks', (incoming, outgoing) => void receiver(incoming, outgoing))
    const reply = await request(app).post('/hooks/github/?source=x').set(githubHeaders(body)).send(body)
    assert.equal(reply.status, 202)
    assert.equal((await request(app).post('/hooks/nobody').set(githubHeaders(body)).send(body)).status, 401)
    assert.deepEqual(seen, [
      ['github', 202],
      ['unknown', 401],
    ])
  })

  it('every answer is JSON that no cache keeps', async () => {
    await withReceiver({}, async (harness) => {
      for (const reply of [await post(harness), await request(harness.server).get('/hooks/github')]) {
        assert.match(reply.headers['content-type'] ?? '', /^application\/json/u)
        assert.equal(reply.headers['cache-control'], 'no-store')
      }
    })
  })
})
