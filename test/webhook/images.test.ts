import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createHmac } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import request from 'supertest'
import { createMatch } from '../../src/webhook/match.ts'
import { checkoutRoot } from '../support/checkout.ts'
import {
  application,
  configurationOf,
  dockerHubToken,
  githubHeaders,
  githubSecret,
  harborHeader,
  hmacKey,
  startReceiver,
  type Harness,
  type Headers,
} from './support.ts'

const fixture = (name: string): string => readFileSync(`${checkoutRoot}/test/fixtures/webhook/${name}.json`, 'utf8')
const json = { 'content-type': 'application/json' }
const hmacHeaders = (body: string): Headers => ({
  ...json,
  'x-signature-256': `sha256=${createHmac('sha256', hmacKey).update(body).digest('hex')}`,
})
const listener = (name: string, repository: string, ...images: readonly string[]) => ({
  ...application(name, repository, 'refs/heads/main'),
  images,
})

const configuration = configurationOf({ shop: 'https://github.com/acme/shop.git', web: 'https://github.com/acme/web.git' }, [
  application('deaf', 'shop', 'refs/heads/main'),
  listener('github', 'shop', 'ghcr.io/acme/shop:1.*'),
  listener('github-next', 'shop', 'ghcr.io/acme/shop:2.*'),
  listener('hub', 'web', 'acme/shop'),
  listener('harbor', 'web', 'harbor.example.com/acme/*'),
  listener('everything', 'shop', 'ghcr.io/acme/shop', 'acme/*', 'harbor.example.com/*/*'),
])

interface Sender {
  readonly name: string
  readonly path: string
  readonly body: string
  readonly headers: Headers
  readonly wakes: readonly string[]
  readonly image: { readonly name: string; readonly tag: string }
  readonly actor: string
  readonly forged: readonly (readonly [path: string, Headers])[]
}

const github = fixture('github-registry-package')
const script = '{"image": "acme/shop:1.4.2", "actor": "ci"}'
const senders: readonly Sender[] = [
  {
    name: "GitHub's container registry",
    path: '/hooks/github',
    body: github,
    headers: githubHeaders(github, githubSecret, 'd-1', 'registry_package'),
    wakes: ['github', 'everything'],
    image: { name: 'ghcr.io/acme/shop', tag: '1.4.2' },
    actor: 'ada',
    forged: [['/hooks/github', { ...json, 'x-github-event': 'registry_package', 'x-hub-signature-256': `sha256=${'0'.repeat(64)}` }]],
  },
  {
    name: 'Docker Hub',
    path: `/hooks/dockerhub?token=${dockerHubToken}`,
    body: fixture('dockerhub-push'),
    headers: json,
    wakes: ['hub', 'everything'],
    image: { name: 'docker.io/acme/shop', tag: '1.4.2' },
    actor: 'ada',
    forged: [
      ['/hooks/dockerhub', json],
      ['/hooks/dockerhub?token=', json],
      ['/hooks/dockerhub?token=another', json],
      [`/hooks/dockerhub?token=another&token=${dockerHubToken}`, json],
      ['/hooks/dockerhub', { ...json, authorization: dockerHubToken }],
      [`/hooks/harbor?token=${dockerHubToken}`, json],
      [`/hooks/dockerhub/shop?token=${dockerHubToken}`, json],
    ],
  },
  {
    name: 'Harbor',
    path: '/hooks/harbor',
    body: fixture('harbor-push'),
    headers: { ...json, authorization: harborHeader },
    wakes: ['harbor', 'everything'],
    image: { name: 'harbor.example.com/acme/shop', tag: '1.4.2' },
    actor: 'robot$acme+ci',
    forged: [
      ['/hooks/harbor', json],
      ['/hooks/harbor', { ...json, authorization: harborHeader.toLowerCase() }],
      [`/hooks/harbor?token=${encodeURIComponent(harborHeader)}`, json],
    ],
  },
  {
    name: 'a script',
    path: '/hooks/hmac',
    body: script,
    headers: hmacHeaders(script),
    wakes: ['hub', 'everything'],
    image: { name: 'docker.io/acme/shop', tag: '1.4.2' },
    actor: 'ci',
    forged: [['/hooks/hmac', hmacHeaders('another body')]],
  },
]

for (const sender of senders) {
  describe(`images told of by ${sender.name}`, () => {
    let harness: Harness
    before(async () => void (harness = await startReceiver({ match: createMatch(() => configuration) })))
    after(() => harness.close())
    const post = (body: string, path = sender.path, headers = sender.headers) => request(harness.server).post(path).set(headers).send(body)

    it('wake the applications that listen to them, which are compared again whole; they bring no commit', async () => {
      const reply = await post(sender.body)
      assert.equal(reply.status, 202, reply.text)
      const [call] = harness.intake.calls
      assert.deepEqual(
        call?.targets.map(({ application: name }) => name),
        sender.wakes,
      )
      const event = call?.delivery.event
      assert.ok(event?.kind === 'image')
      assert.equal(event.images.length, 1)
      assert.deepEqual({ name: event.images[0]?.name, tag: event.images[0]?.tag }, sender.image)
      assert.equal(call?.trigger.reason, 'drift')
      assert.equal(call.trigger.revision, undefined)
      assert.equal(call.trigger.actor, sender.actor)
      assert.ok(call.trigger.audit, 'every object is tried')
    })

    it('are refused where they are not authentic', async () => {
      const before = harness.intake.calls.length
      for (const [path, headers] of sender.forged) assert.equal((await post(sender.body, path, headers)).status, 401, path)
      assert.equal(harness.intake.calls.length, before)
    })
  })
}

describe('images', () => {
  let harness: Harness
  before(async () => {
    const secrets = {
      shared: { github: [githubSecret], dockerhub: [dockerHubToken], harbor: [harborHeader], hmac: [hmacKey] },
      forRepository: async (name: string) => (name === 'shop' ? [hmacKey] : undefined),
    }
    harness = await startReceiver({ match: createMatch(() => configuration), secrets })
  })
  after(() => harness.close())
  const script = (body: string, path = '/hooks/hmac') => request(harness.server).post(path).set(hmacHeaders(body)).send(body)
  const github = (body: string, event: string) =>
    request(harness.server)
      .post('/hooks/github')
      .set(githubHeaders(body, githubSecret, 'd-2', event))
      .send(body)

  it("a repository's own receiver reaches the applications of that repository alone", async () => {
    const reply = await script('{"image": "harbor.example.com/acme/shop:1"}', '/hooks/hmac/shop')
    assert.deepEqual(
      reply.body.tickets.map(({ application: name }: { application: string }) => name),
      ['everything'],
    )
  })

  it('that nobody listens to are recorded and answered 200', async () => {
    const reply = await script('{"image": "ghcr.io/acme/other/part:1"}')
    assert.equal(reply.status, 200)
    assert.match(reply.body.ignored, /no application listens to ghcr\.io\/acme\/other\/part:1/u)
  })

  it('with names that no registry could have are refused as malformed', async () => {
    for (const image of [
      '',
      'a b',
      '../x',
      'ghcr.io/acme/shop:',
      'ghcr.io/acme/shop:a/b',
      'ghcr.io/Acme/shop',
      'ghcr.io/acme/shop@sha256:x',
      '-',
      'https://ghcr.io/acme/shop',
    ])
      assert.equal((await script(JSON.stringify({ image }))).status, 400, image)
  })

  it('without a tag wake who names none; packages of other kinds wake nobody', async () => {
    const told = JSON.parse(fixture('github-registry-package')) as { registry_package: { package_version: object; package_type: string } }
    const untagged = {
      ...told.registry_package,
      package_version: { package_url: 'ghcr.io/acme/shop', container_metadata: { tag: { name: '', digest: '' } } },
    }
    const reply = await github(JSON.stringify({ ...told, registry_package: untagged }), 'registry_package')
    assert.deepEqual(
      reply.body.tickets.map(({ application: name }: { application: string }) => name),
      ['everything'],
    )
    const npm = await github(
      JSON.stringify({ ...told, registry_package: { ...told.registry_package, package_type: 'npm' } }),
      'registry_package',
    )
    assert.equal(npm.status, 200)
    const older = await github(JSON.stringify({ ...told, package: told.registry_package }), 'package')
    assert.equal(older.status, 202)
  })

  it('of a package that GitHub tells of in other words is no error: what nobody waits for must not count against the webhook', async () => {
    const told = JSON.parse(fixture('github-registry-package')) as { registry_package: object }
    const of = async (fields: object) =>
      github(JSON.stringify({ ...told, registry_package: { ...told.registry_package, ...fields } }), 'registry_package')
    const digest = `sha256:${'a'.repeat(64)}`
    const untagged = await of({
      package_version: { package_url: 'ghcr.io/acme/shop:', container_metadata: { tag: { name: '', digest } } },
    })
    assert.deepEqual(
      untagged.body.tickets.map(({ application: name }: { application: string }) => name),
      ['everything'],
    )
    const nameless = await of({ package_type: 'npm', namespace: null, package_version: null })
    assert.deepEqual([nameless.status, nameless.body.ignored], [200, 'the package is no container image'])
    const odd = await of({ package_version: { package_url: 'ghcr.io/acme/shop', container_metadata: { tag: { name: '1.0+b', digest } } } })
    assert.deepEqual([odd.status, odd.body.ignored], [200, 'it names no image'])
  })

  it('other events of Harbor are no error', async () => {
    const reply = await request(harness.server)
      .post('/hooks/harbor')
      .set({ ...json, authorization: harborHeader })
      .send('{"type": "SCANNING_COMPLETED", "event_data": {}}')
    assert.equal(reply.status, 200)
  })
})
