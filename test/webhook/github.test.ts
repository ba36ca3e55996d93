import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { after, before, describe, it } from 'node:test'
import { Webhooks } from '@octokit/webhooks'
import request from 'supertest'
import type { Harness } from './support.ts'
import { commit, earlier, githubHeaders, githubPush, githubSecret, shopSecret, startReceiver, zero } from './support.ts'

interface Examples {
  readonly name: string
  readonly examples: readonly Readonly<Record<string, unknown>>[]
}
const require = createRequire(import.meta.url)
const versions = ['api.github.com', 'ghes-31', 'ghes-35']
const examplesOf = (version: string): readonly Examples[] => require(`@octokit/webhooks-examples/${version}/index.json`) as Examples[]

describe('deliveries of GitHub', () => {
  let harness: Harness
  before(async () => void (harness = await startReceiver()))
  after(() => harness.close())

  const post = (body: string, headers: Record<string, string>, path = '/hooks/github') =>
    request(harness.server).post(path).set(headers).send(body)
  const pushed = () => harness.intake.calls.at(-1)?.delivery.event

  it('a push wakes every application that follows its ref, and answers with their tickets', async () => {
    const body = JSON.stringify(githubPush())
    const reply = await post(body, githubHeaders(body))
    assert.equal(reply.status, 202)
    assert.deepEqual(reply.body, {
      delivery: '72d3162e-cc78-11e3-81ab-4c9367dc0958',
      tickets: [
        { application: 'shop-prod', cluster: 'prod', ticket: 1 },
        { application: 'shop-dev', cluster: 'dev', ticket: 1 },
      ],
    })
    const call = harness.intake.calls.at(-1)
    assert.deepEqual(call?.delivery.event, {
      kind: 'push',
      repositoryUrls: ['https://github.com/acme/shop.git', 'git@github.com:acme/shop.git', 'https://github.com/acme/shop'],
      ref: 'refs/heads/main',
      before: earlier,
      after: commit,
      created: false,
      deleted: false,
      forced: false,
      changedPaths: ['new.yaml', 'overlays/prod/api.yaml'],
      actor: 'ada',
    })
    assert.equal(call.trigger.reason, 'push')
    assert.equal(call.trigger.revision, commit)
    assert.deepEqual(call.trigger.delivery, { provider: 'github', id: '72d3162e-cc78-11e3-81ab-4c9367dc0958' })
  })

  it('the name of who pushes cannot turn the text around it: it is chosen by whoever pushes', async () => {
    const body = JSON.stringify(githubPush({ sender: { login: 'ada\u202Enimda\u2066\u2028x\u200Dy' } }))
    assert.equal((await post(body, githubHeaders(body, githubSecret, 'turned'))).status, 202)
    const event = harness.intake.calls.at(-1)?.delivery.event
    assert.equal(event?.kind === 'push' && event.actor, 'ada nimda  x\u200Dy')
  })

  it('what @octokit/webhooks signs is authentic', async () => {
    const body = JSON.stringify(githubPush({ note: 'Grüße, 你好, 🚀' }))
    const signature = await new Webhooks({ secret: githubSecret }).sign(body)
    const reply = await post(body, { ...githubHeaders(body, githubSecret, 'octokit-1'), 'x-hub-signature-256': signature })
    assert.equal(reply.status, 202)
  })

  it('the same delivery again is a duplicate with the earlier tickets; the same id with another signed body is not', async () => {
    const body = JSON.stringify(githubPush({ nonce: 1 }))
    const first = await post(body, githubHeaders(body, githubSecret, 'twice'))
    const again = await post(body, githubHeaders(body, githubSecret, 'twice'))
    assert.equal(first.status, 202)
    assert.equal(again.status, 200)
    assert.deepEqual(again.body, { delivery: 'twice', duplicate: true, tickets: first.body.tickets })
    const other = JSON.stringify(githubPush({ nonce: 2 }))
    assert.equal((await post(other, githubHeaders(other, githubSecret, 'twice'))).status, 202)
  })

  it('1,000 times the same delivery at once gives one set of tickets', async () => {
    const body = JSON.stringify(githubPush({ nonce: 3 }))
    const headers = githubHeaders(body, githubSecret, 'thousand')
    const url = `http://127.0.0.1:${harness.port}/hooks/github`
    const replies = await Promise.all(Array.from({ length: 1000 }, () => fetch(url, { method: 'POST', headers, body })))
    const bodies = await Promise.all(replies.map((reply) => reply.json() as Promise<{ tickets: unknown }>))
    assert.equal(replies.filter(({ status }) => status === 202).length, 1)
    assert.equal(replies.filter(({ status }) => status === 200).length, 999)
    assert.equal(new Set(bodies.map(({ tickets }) => JSON.stringify(tickets))).size, 1)
  })

  it('a deleted branch is recorded and wakes nobody', async () => {
    const body = JSON.stringify(githubPush({ after: zero, deleted: true, commits: [] }))
    const reply = await post(body, githubHeaders(body, githubSecret, 'deleted'))
    assert.equal(reply.status, 200)
    assert.deepEqual(reply.body, { delivery: 'deleted', ignored: 'branch deleted: nothing is pruned', tickets: [] })
    assert.equal(harness.intake.calls.at(-1)?.targets.length, 0)
    assert.deepEqual(pushed(), { kind: 'ignored', event: 'push', reason: 'branch deleted: nothing is pruned' })
  })

  it("a tag with the branch's name is no push to the branch", async () => {
    const body = JSON.stringify(githubPush({ ref: 'refs/tags/main' }))
    const reply = await post(body, githubHeaders(body, githubSecret, 'tag-main'))
    assert.equal(reply.status, 200)
    assert.deepEqual(reply.body, {
      delivery: 'tag-main',
      ignored: 'no application follows refs/tags/main of Repository shop',
      tickets: [],
    })
    assert.equal(harness.intake.calls.at(-1)?.delivery.id, 'tag-main')
  })

  it('the list of changed paths is unknown for a forced push, a new branch and a list that is cut', async () => {
    const many = Array.from({ length: 2048 }, () => ({ id: commit, added: [], modified: ['a'], removed: [] }))
    const cases = [
      { forced: true },
      { created: true },
      { before: zero },
      { commits: many },
      { commits: [] },
      { commits: [{ id: earlier, added: ['a'], modified: [], removed: [] }] },
      { commits: [{ id: commit }] },
      { commits: [{ id: commit, added: Array.from({ length: 1001 }, (_, index) => `file-${index}`), modified: [], removed: [] }] },
    ]
    for (const [index, change] of cases.entries()) {
      const body = JSON.stringify(githubPush(change))
      assert.equal((await post(body, githubHeaders(body, githubSecret, `paths-${index}`))).status, 202)
      const event = pushed()
      assert.ok(event?.kind === 'push' && event.changedPaths === undefined, JSON.stringify(change).slice(0, 80))
    }
  })

  it('a delivery id that is missing, long or strange is replaced by a digest', async () => {
    const ids = ['x'.repeat(500), '../../etc', 'a b', '', undefined]
    for (const [index, id] of ids.entries()) {
      const body = JSON.stringify(githubPush({ index }))
      const { 'x-github-delivery': _, ...headers } = githubHeaders(body)
      const reply = await post(body, id === undefined ? headers : { ...headers, 'x-github-delivery': id })
      assert.equal(reply.status, 202)
      assert.match(reply.body.delivery, /^(?:digest|body)-[0-9a-f]{40}$/u)
    }
  })

  it("a repository's own receiver knows only that repository's secret and wakes only its applications", async () => {
    const body = JSON.stringify(githubPush({ nonce: 4 }))
    assert.equal((await post(body, githubHeaders(body), '/hooks/github/shop')).status, 401)
    assert.equal((await post(body, githubHeaders(body, shopSecret), '/hooks/github')).status, 401)
    assert.equal((await post(body, githubHeaders(body, shopSecret), '/hooks/github/hello')).status, 401)
    const own = await post(body, githubHeaders(body, shopSecret, 'own'), '/hooks/github/shop')
    assert.equal(own.status, 202)
    assert.equal(harness.intake.calls.at(-1)?.delivery.repository, 'shop')
    const foreign = JSON.stringify(
      githubPush({ ref: 'refs/heads/master', repository: { clone_url: 'https://github.com/Codertocat/Hello-World.git' } }),
    )
    const reply = await post(foreign, githubHeaders(foreign, shopSecret, 'foreign'), '/hooks/github/shop')
    assert.equal(reply.status, 200)
    assert.deepEqual(reply.body.tickets, [])
  })

  it('a renamed repository still wakes its applications through its own receiver', async () => {
    const body = JSON.stringify(githubPush({ repository: { clone_url: 'https://github.com/acme/boutique.git' } }))
    assert.equal((await post(body, githubHeaders(body, shopSecret, 'renamed'), '/hooks/github/shop')).status, 202)
  })

  for (const version of versions) {
    it(`every example of ${version} is answered 2xx, and only pushes that somebody follows wake anybody`, async () => {
      let index = 0
      for (const { name, examples } of examplesOf(version)) {
        for (const example of examples) {
          const body = JSON.stringify(example)
          const reply = await post(body, githubHeaders(body, githubSecret, `${version}-${index++}`, name))
          const ours = JSON.stringify(example['repository'] ?? {}).includes('"https://github.com/Codertocat/Hello-World.git"')
          const follows = name === 'push' && example['deleted'] === false && ours
          assert.equal(reply.status, follows ? 202 : 200, `${name}: ${reply.text}`)
          assert.equal(reply.body.tickets.length, follows ? 1 : 0)
          if (!follows) assert.equal(typeof reply.body.ignored, 'string')
        }
      }
      assert.ok(index > 10)
    })
  }
})
