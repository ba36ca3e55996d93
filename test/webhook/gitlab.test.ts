import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import request from 'supertest'
import type { GitlabSigning, Harness, Headers } from './support.ts'
import { githubHeaders, gitlabHeaders, gitlabKey, gitlabToken, startReceiver } from './support.ts'
import { checkoutRoot } from '../support/checkout.ts'

const fixture = (name: string): string => readFileSync(`${checkoutRoot}/test/fixtures/webhook/gitlab-${name}.json`, 'utf8')
const push = fixture('push')
const seconds = (): number => Math.floor(Date.now() / 1000)

describe('deliveries of GitLab', () => {
  let harness: Harness
  before(async () => void (harness = await startReceiver()))
  after(() => harness.close())

  let count = 0
  const post = (body: string, headers: Headers, path = '/hooks/gitlab') => request(harness.server).post(path).set(headers).send(body)
  const signed = (body: string, signing: GitlabSigning = {}) => post(body, gitlabHeaders(body, { id: `msg-${++count}`, ...signing }))
  const withToken = (token: string, more: Headers = {}): Headers => ({
    'content-type': 'application/json',
    'x-gitlab-event': 'Push Hook',
    'x-gitlab-token': token,
    ...more,
  })
  const applications = (reply: { body: { tickets: { application: string }[] } }) => reply.body.tickets.map(({ application }) => application)

  it('a signed push wakes the applications that follow its branch', async () => {
    const reply = await signed(push, { id: 'msg-first' })
    assert.equal(reply.status, 202)
    assert.equal(reply.body.delivery, 'msg-first')
    assert.deepEqual(applications(reply), ['store-prod'])
    const event = harness.intake.calls.at(-1)?.delivery.event
    assert.ok(event?.kind === 'push')
    assert.equal(event.actor, 'ada')
    assert.equal(event.changedPaths, undefined)
  })

  it('a push with the token of older GitLabs is authentic, and its id comes from the best header there is', async () => {
    const cases: [Headers, RegExp][] = [
      [{ 'idempotency-key': 'idem-1', 'x-gitlab-event-uuid': 'uuid-1' }, /^idem-1$/u],
      [{ 'x-gitlab-event-uuid': 'uuid-2' }, /^uuid-2-[0-9a-f]{16}$/u],
      [{}, /^body-[0-9a-f]{40}$/u],
    ]
    for (const [headers, id] of cases) {
      const reply = await post(push, withToken(gitlabToken, headers))
      assert.equal(reply.status, 202)
      assert.match(reply.body.delivery, id)
    }
  })

  it('another token, a longer one, an empty one and none are refused', async () => {
    for (const token of [`${gitlabToken}x`, gitlabToken.slice(1), gitlabToken.toUpperCase(), '', `${gitlabToken}, ${gitlabToken}`]) {
      assert.equal((await post(push, withToken(token))).status, 401, token)
    }
    const { 'x-gitlab-token': _, ...none } = withToken('')
    assert.equal((await post(push, none)).status, 401)
  })

  it('where signature and token both come, the signature decides', async () => {
    const good = gitlabHeaders(push, { id: 'both-1' })
    assert.equal((await post(push, { ...good, 'x-gitlab-token': 'wrong' })).status, 202)
    const bad = gitlabHeaders(`${push} `, { id: 'both-2' })
    assert.equal((await post(push, { ...bad, 'x-gitlab-token': gitlabToken })).status, 401)
    assert.equal((await post(push, { ...good, 'webhook-signature': '', 'x-gitlab-token': gitlabToken })).status, 401)
  })

  it('a list of signatures needs one that holds, and nothing in it that is malformed', async () => {
    const { 'webhook-signature': holds = '', ...headers } = gitlabHeaders(push, { id: 'list' })
    const other = `v1,${Buffer.alloc(32).toString('base64')}`
    for (const [list, status] of [
      [`${other} ${holds}`, 202],
      [`v1a,AAAA ${holds}`, 200],
      [other, 401],
      [`${holds}, ${holds}`, 401],
      [`${holds} ${holds},`, 401],
      [Array(9).fill(holds).join(' '), 401],
      [holds.replace('v1,', 'v2,'), 401],
      [holds.replace('v1,', ''), 401],
      [holds.slice(0, -1), 401],
    ] as const) {
      assert.equal((await post(push, { ...headers, 'webhook-signature': list })).status, status, list)
    }
  })

  it('a timestamp more than 300 s off, negative or no number is refused, although the signature holds', async () => {
    for (const timestamp of [
      String(seconds() - 302),
      String(seconds() + 302),
      'abc',
      '-1',
      '',
      '1e9',
      `${seconds()}.5`,
      '0x65',
      '9'.repeat(13),
    ]) {
      assert.equal((await signed(push, { timestamp })).status, 401, timestamp)
    }
    for (const timestamp of [String(seconds() - 290), String(seconds() + 290)]) {
      assert.equal((await signed(push, { timestamp })).status, 202, timestamp)
    }
  })

  it('id, timestamp and body are all signed', async () => {
    const headers = gitlabHeaders(push, { id: 'signed' })
    assert.equal((await post(push, { ...headers, 'webhook-id': 'other' })).status, 401)
    assert.equal((await post(push, { ...headers, 'webhook-timestamp': String(seconds() - 7) })).status, 401)
    assert.equal((await post(push.replace('ada', 'eve'), headers)).status, 401)
    const { 'webhook-id': _, ...anonymous } = headers
    assert.equal((await post(push, anonymous)).status, 401)
  })

  it("GitHub's signature means nothing here, and GitLab's nothing there", async () => {
    assert.equal((await post(push, { ...githubHeaders(push), 'x-gitlab-event': 'Push Hook' })).status, 401)
    assert.equal((await post(push, gitlabHeaders(push), '/hooks/github')).status, 401)
    assert.equal((await post(push, { ...githubHeaders(push, gitlabToken), 'x-gitlab-event': 'Push Hook' })).status, 401)
  })

  it('tags, system hooks and the one event for many refs wake who follows them', async () => {
    const tag = await signed(fixture('tag'), { event: 'Tag Push Hook' })
    assert.deepEqual([tag.status, applications(tag)], [202, ['store-release']])
    const system = await signed(fixture('system-push'), { event: 'System Hook' })
    assert.deepEqual([system.status, applications(system)], [202, ['store-prod']])
    const update = await signed(fixture('system-repository-update'), { event: 'System Hook' })
    assert.deepEqual([update.status, applications(update)], [202, ['store-prod', 'store-release']])
    assert.equal(harness.intake.calls.at(-1)?.trigger.revision, undefined)
  })

  it('a push of many commits is a push; its changed paths are unknown', async () => {
    const reply = await signed(fixture('push-many'))
    assert.equal(reply.status, 202)
    const event = harness.intake.calls.at(-1)?.delivery.event
    assert.ok(event?.kind === 'push' && event.changedPaths === undefined)
  })

  it('deleted branches, tags named like a branch and other events are authentic and wake nobody', async () => {
    for (const [name, event] of [
      ['push-deleted', 'Push Hook'],
      ['tag-named-main', 'Tag Push Hook'],
      ['system-project-create', 'System Hook'],
      ['merge-request', 'Merge Request Hook'],
    ] as const) {
      const reply = await signed(fixture(name), { event })
      assert.equal(reply.status, 200, name)
      assert.deepEqual(reply.body.tickets, [])
      assert.equal(typeof reply.body.ignored, 'string')
    }
  })

  it("a repository's own value is a signing token where it starts with whsec_, else a secret token", async () => {
    const values: Record<string, readonly string[]> = { store: [gitlabKey], shop: ['own-token'] }
    const own = await startReceiver({
      secrets: { shared: { github: [] }, forRepository: async (name) => values[name] },
    })
    try {
      const send = (path: string, headers: Headers) => request(own.server).post(path).set(headers).send(push)
      assert.equal((await send('/hooks/gitlab/store', gitlabHeaders(push))).status, 202)
      assert.equal((await send('/hooks/gitlab/store', withToken(gitlabKey))).status, 401)
      assert.equal((await send('/hooks/gitlab/shop', withToken('own-token'))).status, 202)
      assert.equal((await send('/hooks/gitlab', gitlabHeaders(push))).status, 401)
      assert.equal((await send('/hooks/gitlab', withToken(''))).status, 401)
    } finally {
      await own.close()
    }
  })
})
