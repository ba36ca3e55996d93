import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import request from 'supertest'
import { createMatch } from '../../src/webhook/match.ts'
import { checkoutRoot } from '../support/checkout.ts'
import type { Harness, Headers } from './support.ts'
import { application, bitbucketSecret, configurationOf, giteaSecret, hmacKey, startReceiver, standardKey, zero } from './support.ts'

// The shapes are those of the providers' own documentation, named in src/webhook/.
const fixture = (name: string): string => readFileSync(`${checkoutRoot}/test/fixtures/webhook/${name}.json`, 'utf8')
const hex = (key: string, body: string): string => createHmac('sha256', key).update(body).digest('hex')
const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`

const configuration = configurationOf(
  {
    gitea: 'https://gitea.example.com/acme/shop.git',
    cloud: 'git@bitbucket.org:acme/shop.git',
    center: 'ssh://git@bitbucket.example.com:7999/acme/shop.git',
    azure: 'https://dev.azure.com/acme/Shop/_git/shop',
    shop: 'https://git.example.com/acme/shop.git',
  },
  ['gitea', 'cloud', 'center', 'azure', 'shop'].flatMap((name) => [
    application(`${name}-prod`, name, 'refs/heads/main'),
    application(`${name}-tag`, name, 'refs/tags/v1'),
  ]),
)

interface Sender {
  readonly name: string
  readonly path: string
  readonly body: string
  readonly wakes: string
  readonly actor: string | undefined
  readonly id: RegExp
  readonly sign: (body: string) => Headers
  /** What must not authenticate. */
  readonly forged: readonly ((body: string) => Headers)[]
  /** The same push with another ref, and with the ref deleted. */
  readonly tag: (body: string) => string
  readonly deleted: (body: string) => string
  readonly malformed: readonly string[]
  readonly ignored: readonly (readonly [Headers, string])[]
}

const json = { 'content-type': 'application/json' }
const giteaHeaders = (body: string): Headers => ({
  ...json,
  'x-gitea-event': 'push',
  'x-gitea-delivery': 'f6266f16-1bf3-46a5-9ea4-602e06ead473',
  'x-gitea-signature': hex(giteaSecret, body),
  // Gitea sends these too: nothing may read them.
  'x-github-event': 'push',
  'x-hub-signature-256': `sha256=${'0'.repeat(64)}`,
})
const forgejoHeaders = (body: string): Headers => ({
  ...giteaHeaders('another body'),
  'x-forgejo-event': 'push',
  'x-forgejo-delivery': 'f6266f16-1bf3-46a5-9ea4-602e06ead474',
  'x-forgejo-signature': hex(giteaSecret, body),
})
const bitbucketHeaders =
  (event: string) =>
  (body: string): Headers => ({
    ...json,
    'x-event-key': event,
    'x-request-uuid': 'request-1',
    'x-hub-signature': `sha256=${hex(bitbucketSecret, body)}`,
  })
const standardHeaders = (body: string, key = standardKey, timestamp = String(Math.floor(Date.now() / 1000))): Headers => {
  const bytes = Buffer.from(key.replace('whsec_', ''), 'base64')
  const signature = createHmac('sha256', bytes).update(`msg-1.${timestamp}.`).update(body).digest('base64')
  return { ...json, 'webhook-id': 'msg-1', 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` }
}
const hmacHeaders = (body: string): Headers => ({ ...json, 'x-signature-256': `sha256=${hex(hmacKey, body)}`, 'idempotency-key': 'run-7' })
const generic = JSON.stringify({ repository: 'git@git.example.com:acme/shop.git', ref: 'main', revision: 'a'.repeat(40), actor: 'ci' })

const senders: readonly Sender[] = [
  {
    name: 'Gitea',
    path: '/hooks/gitea',
    body: fixture('gitea-push'),
    wakes: 'gitea-prod',
    actor: 'ada',
    id: /^f6266f16-1bf3-46a5-9ea4-602e06ead473$/u,
    sign: giteaHeaders,
    forged: [
      (body) => ({ ...giteaHeaders(body), 'x-gitea-signature': '' }),
      (body) => ({ ...giteaHeaders(body), 'x-gitea-signature': `sha256=${hex(giteaSecret, body)}` }),
      (body) => ({
        ...giteaHeaders(body),
        'x-gitea-signature': hex('another', body),
        'x-hub-signature-256': `sha256=${hex(giteaSecret, body)}`,
      }),
      (body) => ({ ...forgejoHeaders(body), 'x-forgejo-signature': '', 'x-gitea-signature': hex(giteaSecret, body) }),
    ],
    tag: (body) => body.replace('refs/heads/main', 'refs/tags/v1'),
    deleted: (body) => body.replace('bffeb74224043ba2feb48d137756c8a9331c449a', zero),
    malformed: ['{"ref":"refs/heads/main"}', fixture('gitea-push').replace('refs/heads/main', 'refs/heads/a..b')],
    ignored: [
      [{ 'x-gitea-event': 'delete' }, '{"ref":"main","ref_type":"branch"}'],
      [{ 'x-gitea-event': 'pull_request' }, '{}'],
    ],
  },
  {
    name: 'Forgejo',
    path: '/hooks/forgejo',
    body: fixture('gitea-push'),
    wakes: 'gitea-prod',
    actor: 'ada',
    id: /^f6266f16-1bf3-46a5-9ea4-602e06ead474$/u,
    sign: forgejoHeaders,
    forged: [(body) => ({ ...forgejoHeaders(body), 'x-forgejo-signature': hex('another', body) })],
    tag: (body) => body.replace('refs/heads/main', 'refs/tags/v1'),
    deleted: (body) => body.replace('bffeb74224043ba2feb48d137756c8a9331c449a', zero),
    malformed: ['{}'],
    ignored: [[{ 'x-forgejo-event': 'create' }, '{}']],
  },
  {
    name: 'Bitbucket Cloud',
    path: '/hooks/bitbucket',
    body: fixture('bitbucket-push'),
    wakes: 'cloud-prod',
    actor: 'ada',
    id: /^request-1$/u,
    sign: bitbucketHeaders('repo:push'),
    forged: [
      (body) => ({ ...bitbucketHeaders('repo:push')(body), 'x-hub-signature': hex(bitbucketSecret, body) }),
      (body) => ({ ...bitbucketHeaders('repo:push')(body), 'x-hub-signature': `sha1=${'0'.repeat(40)}` }),
    ],
    tag: (body) => body.replaceAll('"type": "branch"', '"type": "tag"').replaceAll('"name": "main"', '"name": "v1"'),
    deleted: (body) => JSON.stringify(withChanges(body, ({ old }) => ({ old, new: null, closed: true }))),
    malformed: ['{"push":{"changes":[{}]}}', fixture('bitbucket-push').replaceAll('"name": "main"', '"name": "a b"')],
    ignored: [
      [{ 'x-event-key': 'repo:fork' }, '{}'],
      [{}, JSON.stringify(withChanges(fixture('bitbucket-push'), () => undefined))],
    ],
  },
  {
    name: 'Bitbucket Data Center',
    path: '/hooks/bitbucket',
    body: fixture('bitbucket-refs-changed'),
    wakes: 'center-prod',
    actor: 'ada',
    id: /^request-1$/u,
    sign: bitbucketHeaders('repo:refs_changed'),
    forged: [(body) => ({ ...bitbucketHeaders('repo:refs_changed')(body), 'x-hub-signature': `sha256=${hex('another', body)}` })],
    tag: (body) => body.replaceAll('refs/heads/main', 'refs/tags/v1'),
    deleted: (body) => body.replace('"type": "UPDATE"', '"type": "DELETE"'),
    malformed: ['{"changes":[{"ref":{"id":"main"}}]}'],
    ignored: [[{ 'x-event-key': 'diagnostics:ping' }, '{"test":true}']],
  },
  {
    name: 'Azure DevOps',
    path: '/hooks/azure',
    body: fixture('azure-push'),
    wakes: 'azure-prod',
    actor: 'ada@example.com',
    id: /^body-[0-9a-f]{40}$/u,
    sign: () => ({ ...json, authorization: basic('azure:a-password') }),
    forged: [
      () => ({ ...json, authorization: basic('other:a-password') }),
      () => ({ ...json, authorization: basic('azure:a-passwor') }),
      () => ({ ...json, authorization: 'Bearer a-password' }),
      () => ({ ...json, authorization: 'Basic' }),
      () => json,
    ],
    tag: (body) => body.replace('"refs/heads/main",\n        "oldObjectId"', '"refs/tags/v1",\n        "oldObjectId"'),
    deleted: (body) => body.replace('"newObjectId": "33b55f7cb7e7e245323987634f960cf4a6e6bc74"', `"newObjectId": "${zero}"`),
    malformed: ['{}', '{"eventType":"git.push","resource":{}}'],
    ignored: [
      [{}, '{"eventType":"git.pullrequest.created"}'],
      [{}, JSON.stringify({ eventType: 'git.push', resource: { repository: { remoteUrl: 'https://dev.azure.com/acme/Shop/_git/shop' } } })],
    ],
  },
  {
    name: 'Standard Webhooks',
    path: '/hooks/standard',
    body: generic,
    wakes: 'shop-prod',
    actor: 'ci',
    id: /^msg-1$/u,
    sign: (body) => standardHeaders(body),
    forged: [
      (body) => standardHeaders(body, `whsec_${Buffer.from('another').toString('base64')}`),
      (body) => standardHeaders(body, standardKey, String(Math.floor(Date.now() / 1000) - 302)),
      (body) => ({ ...standardHeaders(body), 'webhook-id': 'msg-2' }),
    ],
    tag: (body) => body.replace('"main"', '"refs/tags/v1"'),
    deleted: (body) => body.replace('"main"', '"gone"'),
    malformed: ['{"repository":"https://git.example.com/acme/shop"}', '{"ref":"a..b"}', '{"ref":"main","revision":"main"}'],
    ignored: [[{}, '{"ref":"main","repository":"https://git.example.com/acme/other"}']],
  },
  {
    name: 'a script with an HMAC',
    path: '/hooks/hmac',
    body: generic,
    wakes: 'shop-prod',
    actor: 'ci',
    id: /^run-7$/u,
    sign: hmacHeaders,
    forged: [(body) => ({ ...hmacHeaders(body), 'x-signature-256': `sha256=${hex('another', body)}` }), () => json],
    tag: (body) => body.replace('"main"', '"refs/tags/v1"'),
    deleted: (body) => body.replace('"main"', '"gone"'),
    malformed: ['{"ref":7}'],
    ignored: [[{}, '{"ref":"main"}']],
  },
]

for (const sender of senders) {
  describe(`deliveries of ${sender.name}`, () => {
    let harness: Harness
    before(async () => void (harness = await startReceiver({ match: createMatch(() => configuration) })))
    after(() => harness.close())
    const post = (body: string, headers: Headers) => request(harness.server).post(sender.path).set(headers).send(body)

    it('a push wakes the applications that follow its branch', async () => {
      const reply = await post(sender.body, sender.sign(sender.body))
      assert.equal(reply.status, 202, reply.text)
      assert.deepEqual(
        reply.body.tickets.map(({ application: name }: { application: string }) => name),
        [sender.wakes],
      )
      assert.match(reply.body.delivery, sender.id)
      const event = harness.intake.calls.at(-1)?.delivery.event
      assert.ok(event?.kind === 'push')
      assert.equal(event.actor, sender.actor)
    })

    it('a tag wakes only what follows that tag', async () => {
      const body = sender.tag(sender.body)
      const reply = await post(body, sender.sign(body))
      assert.deepEqual(
        reply.body.tickets.map(({ application: name }: { application: string }) => name),
        [sender.wakes.replace('-prod', '-tag')],
      )
    })

    it('a ref that is gone wakes nobody, and nothing is pruned for it', async () => {
      const body = sender.deleted(sender.body)
      assert.notEqual(body, sender.body)
      const reply = await post(body, sender.sign(body))
      assert.equal(reply.status, 200, reply.text)
      assert.deepEqual(harness.intake.calls.at(-1)?.targets, [])
    })

    it('what is not signed, or not with its key, or after it was signed changed, is refused', async () => {
      for (const forge of sender.forged) assert.equal((await post(sender.body, forge(sender.body))).status, 401)
      // Basic authentication signs nothing.
      if (sender.name !== 'Azure DevOps') assert.equal((await post(`${sender.body} `, sender.sign(sender.body))).status, 401)
    })

    it('what its sender could not have meant is told, and what gitwake does not use is not an error', async () => {
      for (const body of sender.malformed) assert.equal((await post(body, sender.sign(body))).status, 400, body)
      for (const [headers, body] of sender.ignored) {
        const signed = sender.sign(body)
        const reply = await post(body, { ...signed, ...headers })
        assert.equal(reply.status, 200, `${JSON.stringify(headers)} ${body}: ${reply.text}`)
      }
    })
  })
}

describe('secrets of the other providers', () => {
  it('a list holds several, each of which authenticates', async () => {
    const harness = await startReceiver({ match: createMatch(() => configuration) })
    try {
      const body = fixture('azure-push')
      const reply = await request(harness.server)
        .post('/hooks/azure')
        .set({ ...json, authorization: basic('anybody:another-password') })
        .send(body)
      assert.equal(reply.status, 202)
    } finally {
      await harness.close()
    }
  })

  it('a pipeline that names no repository is heard under the address of that repository', async () => {
    const harness = await startReceiver({ match: createMatch(() => configuration) })
    try {
      const body = '{"ref":"main"}'
      const signed = { ...json, 'x-signature-256': `sha256=${hex('a-secret-of-shop-alone', body)}` }
      const reply = await request(harness.server).post('/hooks/hmac/shop').set(signed).send(body)
      assert.equal(reply.status, 202, reply.text)
      assert.equal((await request(harness.server).post('/hooks/hmac').set(signed).send(body)).status, 401)
    } finally {
      await harness.close()
    }
  })

  it('a script that says the same with every push is heard every time, unless it names its request', async () => {
    const harness = await startReceiver({ match: createMatch(() => configuration) })
    try {
      const { 'idempotency-key': _, ...unnamed } = hmacHeaders(generic)
      const post = (headers: Headers) => request(harness.server).post('/hooks/hmac').set(headers).send(generic)
      for (const headers of [unnamed, unnamed, hmacHeaders(generic)]) assert.equal((await post(headers)).status, 202)
      assert.equal((await post(hmacHeaders(generic))).status, 200)
    } finally {
      await harness.close()
    }
  })

  it('Standard Webhooks may wrap the push as data', async () => {
    const harness = await startReceiver({ match: createMatch(() => configuration) })
    try {
      const body = JSON.stringify({ type: 'image.published', timestamp: '2026-01-01T00:00:00Z', data: JSON.parse(generic) })
      assert.equal((await request(harness.server).post('/hooks/standard').set(standardHeaders(body)).send(body)).status, 202)
    } finally {
      await harness.close()
    }
  })
})

interface Change {
  readonly old: unknown
}

function withChanges(body: string, change: (one: Change) => object | undefined): object {
  const payload = JSON.parse(body) as { push: { changes: Change[] } }
  return { ...payload, push: { changes: payload.push.changes.flatMap((one) => change(one) ?? []) } }
}
