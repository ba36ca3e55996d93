import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import request from 'supertest'
import type { Harness, Headers } from './support.ts'
import { commit, githubHeaders, githubPush, githubSecret, gitlabHeaders, shopSecret, startReceiver } from './support.ts'

const body = JSON.stringify(githubPush())
const hex = (text: string | Buffer, secret = githubSecret, algorithm = 'sha256') => createHmac(algorithm, secret).update(text).digest('hex')

describe('what is not authentic', () => {
  let harness: Harness
  before(async () => void (harness = await startReceiver()))
  after(() => harness.close())

  const post = (headers: Headers, path = '/hooks/github', text = body) => request(harness.server).post(path).set(headers).send(text)
  const { 'x-hub-signature-256': right = '', ...unsigned } = githubHeaders(body)
  const flipped = right.slice(0, -1) + (right.endsWith('0') ? '1' : '0')

  const signatures: [string, Headers][] = [
    ['no signature', {}],
    ['an empty signature', { 'x-hub-signature-256': '' }],
    ['a flipped bit', { 'x-hub-signature-256': flipped }],
    ['the signature of another secret', { 'x-hub-signature-256': `sha256=${hex(body, 'another-secret')}` }],
    ['the signature of an empty secret', { 'x-hub-signature-256': `sha256=${hex(body, '')}` }],
    ['the signature of another body', { 'x-hub-signature-256': `sha256=${hex(`${body} `)}` }],
    ['SHA-1 alone', { 'x-hub-signature': `sha1=${hex(body, githubSecret, 'sha1')}` }],
    ['SHA-1 in the place of SHA-256', { 'x-hub-signature-256': `sha1=${hex(body, githubSecret, 'sha1')}` }],
    [
      'a right SHA-1 beside a wrong SHA-256',
      { 'x-hub-signature': `sha1=${hex(body, githubSecret, 'sha1')}`, 'x-hub-signature-256': flipped },
    ],
    ['63 digits', { 'x-hub-signature-256': right.slice(0, -1) }],
    ['65 digits', { 'x-hub-signature-256': `${right}0` }],
    ['no prefix', { 'x-hub-signature-256': right.slice(7) }],
    ['a prefix in capitals and a space', { 'x-hub-signature-256': `sha256= ${right.slice(7)}` }],
    ['what is no hex', { 'x-hub-signature-256': `sha256=${'z'.repeat(64)}` }],
    ['base64', { 'x-hub-signature-256': `sha256=${Buffer.from(right.slice(7), 'hex').toString('base64')}` }],
  ]
  const receivers: [string, string, Headers][] = [
    ['an unknown provider', '/hooks/gitea', { 'x-hub-signature-256': right }],
    ['no provider', '/hooks', { 'x-hub-signature-256': right }],
    ['a provider named __proto__', '/hooks/__proto__', { 'x-hub-signature-256': right }],
    ['a longer path', '/hooks/github/shop/more', { 'x-hub-signature-256': right }],
    ['a path that climbs', '/hooks/github/..%2f..%2fapi', { 'x-hub-signature-256': right }],
    ['an unknown repository', '/hooks/github/nobody', { 'x-hub-signature-256': right }],
    ['a repository without a secret', '/hooks/github/hello', { 'x-hub-signature-256': `sha256=${hex(body, shopSecret)}` }],
    ["GitHub's signature on GitLab's route", '/hooks/gitlab', { 'x-hub-signature-256': right, 'x-gitlab-event': 'Push Hook' }],
    ["GitLab's signature on GitHub's route", '/hooks/github', gitlabHeaders(body)],
  ]

  it('is answered 401 with one and the same body, whatever was wrong, and reaches nothing', async () => {
    const answers = new Set<string>()
    const cases = [...signatures.map(([name, headers]) => [name, '/hooks/github', headers] as const), ...receivers]
    for (const [name, path, headers] of cases) {
      const reply = await post({ ...unsigned, ...headers }, path)
      assert.equal(reply.status, 401, name)
      answers.add(reply.text)
    }
    assert.equal(answers.size, 1)
    assert.deepEqual(harness.intake.calls, [])
  })

  it('is never parsed: broken JSON without a signature is 401, not 400', async () => {
    for (const text of ['{', 'null', '[', '"\\ud800"']) assert.equal((await post(unsigned, '/hooks/github', text)).status, 401)
  })

  it('is explained in the log, once in ten seconds for each reason, and never with the secret', async () => {
    for (let count = 0; count < 50; count++) await post({ ...unsigned, 'x-hub-signature-256': flipped })
    const lines = harness.logged.filter(({ message }) => message.includes('does not match any secret'))
    assert.equal(lines.length, 1)
    assert.ok(!JSON.stringify(harness.logged).includes(githubSecret))
  })

  it('is explained with the repository whose secret does not match; a name that the configuration does not have is not repeated', async () => {
    await post({ ...unsigned, 'x-hub-signature-256': right }, '/hooks/github/shop')
    await post({ ...unsigned, 'x-hub-signature-256': right }, '/hooks/github/nobody')
    const told = harness.logged.map(({ message }) => message)
    assert.ok(told.includes('delivery to github/shop refused: the signature does not match any secret'))
    assert.ok(told.includes('delivery to github refused: no Repository of the name in its URL has a webhookSecretFrom'))
    assert.ok(!JSON.stringify(harness.logged).includes('nobody'))
  })

  it('a receiver without any secret authenticates nobody, not even an empty one', async () => {
    const closed = await startReceiver({
      secrets: { shared: { github: [] }, forRepository: async () => [''] },
    })
    try {
      for (const path of ['/hooks/github', '/hooks/github/shop', '/hooks/gitlab', '/hooks/gitlab/shop']) {
        const headers = { ...githubHeaders(body, ''), 'x-gitlab-token': '', 'x-gitlab-event': 'Push Hook' }
        assert.equal((await request(closed.server).post(path).set(headers).send(body)).status, 401, path)
      }
    } finally {
      await closed.close()
    }
  })

  it('a secret that cannot be read authenticates nobody and is told in the log', async () => {
    const broken = await startReceiver({
      secrets: {
        shared: { github: [githubSecret] },
        forRepository: () => Promise.reject(new Error('the file is missing')),
      },
    })
    try {
      const reply = await request(broken.server).post('/hooks/github/shop').set(githubHeaders(body)).send(body)
      assert.equal(reply.status, 401)
      assert.ok(broken.logged.some(({ message }) => message.includes('the file is missing')))
    } finally {
      await broken.close()
    }
  })

  it('every secret of a rotation list authenticates', async () => {
    const rotating = await startReceiver({
      secrets: { shared: { github: ['old-secret', 'new-secret'] }, forRepository: async () => undefined },
    })
    try {
      for (const [secret, status] of [
        ['old-secret', 202],
        ['new-secret', 202],
        [githubSecret, 401],
      ] as const) {
        const reply = await request(rotating.server)
          .post('/hooks/github')
          .set(githubHeaders(body, secret, secret))
          .send(body)
        assert.equal(reply.status, status, secret)
      }
    } finally {
      await rotating.close()
    }
  })
})

describe('what the transport refuses', () => {
  let harness: Harness
  before(async () => void (harness = await startReceiver({ limits: { maxBytes: 100_000 } })))
  after(() => harness.close())

  it('other methods than POST are 405, and say so', async () => {
    for (const method of ['get', 'put', 'delete', 'patch', 'options'] as const) {
      const reply = await request(harness.server)[method]('/hooks/github')
      assert.equal(reply.status, 405, method)
      assert.equal(reply.headers['allow'], 'POST')
    }
    assert.equal((await request(harness.server).head('/hooks/github')).status, 405)
  })

  it('what is outside /hooks is left to others', async () => {
    for (const path of ['/', '/hooksy', '/api/hooks/github', '/hook/github'])
      assert.equal((await request(harness.server).post(path)).status, 404)
  })

  it('form-encoded, UTF-16, untyped and compressed bodies are 415, although they are signed', async () => {
    const form = `payload=${encodeURIComponent(body)}`
    for (const [headers, text] of [
      [{ ...githubHeaders(form), 'content-type': 'application/x-www-form-urlencoded' }, form],
      [{ ...githubHeaders(body), 'content-type': 'application/json; charset=utf-16' }, body],
      [{ ...githubHeaders(body), 'content-type': 'text/plain' }, body],
      [{ ...githubHeaders(body), 'content-type': 'application/json, text/plain' }, body],
      [{ ...githubHeaders(body), 'content-type': '' }, body],
      [{ ...githubHeaders(body), 'content-encoding': 'gzip' }, body],
      [{ ...githubHeaders(body), 'content-encoding': 'identity, br' }, body],
    ] as const) {
      assert.equal((await request(harness.server).post('/hooks/github').set(headers).send(text)).status, 415, JSON.stringify(headers))
    }
    for (const type of ['application/json; charset=utf-8', 'Application/JSON;charset="UTF-8"']) {
      const headers = { ...githubHeaders(body, githubSecret, type), 'content-type': type, 'content-encoding': 'identity' }
      assert.equal((await request(harness.server).post('/hooks/github').set(headers).send(body)).status, 202, type)
    }
  })

  it('a body of the limit is taken and one byte more is 413', async () => {
    const fill = (size: number) => body.replace(/\}$/u, `,"fill":"${'x'.repeat(size - body.length - 10)}"}`)
    const fits = fill(100_000)
    assert.equal(fits.length, 100_000)
    assert.equal((await request(harness.server).post('/hooks/github').set(githubHeaders(fits)).send(fits)).status, 202)
    const over = fill(100_001)
    const reply = await request(harness.server).post('/hooks/github').set(githubHeaders(over)).send(over)
    assert.equal(reply.status, 413)
    assert.match(reply.body.error.fix, /poll/u)
  })
})

describe('what is authentic but malformed', () => {
  let harness: Harness
  before(async () => void (harness = await startReceiver()))
  after(() => harness.close())

  const changed = (changes: Record<string, unknown>) => JSON.stringify(githubPush(changes))
  const nested = (depth: number) => `{"x":${'['.repeat(depth)}${']'.repeat(depth)}}`
  const { repository: _, ...withoutRepository } = githubPush()
  const cases: [string, string | Buffer][] = [
    ['an empty body', ''],
    ['null', 'null'],
    ['a list', '[]'],
    ['a number', '1'],
    ['a string', '"push"'],
    ['an empty object', '{}'],
    ['half a body', body.slice(0, -10)],
    ['a body and more', `${body}}`],
    ['a byte order mark', `\ufeff${body}`],
    ['UTF-16', Buffer.from(body, 'utf16le')],
    ['invalid UTF-8', Buffer.concat([Buffer.from(body.slice(0, -1)), Buffer.from(',"x":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')])],
    [
      'a surrogate in UTF-8',
      Buffer.concat([Buffer.from(body.slice(0, -1)), Buffer.from(',"x":"'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"}')]),
    ],
    ['a lone surrogate as an escape', body.replace(/\}$/u, ',"x":"\\ud800"}')],
    ['a lone surrogate in a key', body.replace(/\}$/u, ',"x":[{"\\uDC00":1}]}')],
    ['JSON 10^6 deep', nested(1_000_000)],
    ['JSON 10^6 deep that never closes', `{"x":${'['.repeat(1_000_000)}`],
    ['a key twice', body.replace(/\}$/u, ',"ref":"refs/heads/main"}')],
    ['a key twice, once escaped', body.replace(/\}$/u, ',"\\u0072ef":"refs/heads/main"}')],
    [
      'a repository only in __proto__',
      JSON.stringify(withoutRepository).replace(/\}$/u, ',"__proto__":{"repository":{"clone_url":"https://github.com/acme/shop"}}}'),
    ],
    ['no repository', JSON.stringify(withoutRepository)],
    ['a repository that is null', changed({ repository: null })],
    ['a repository without URLs', changed({ repository: { name: 'shop' } })],
    ['a ref that is a number', changed({ ref: 1 })],
    ['a ref that is not qualified', changed({ ref: 'main' })],
    ['a ref with two dots', changed({ ref: 'refs/heads/a..b' })],
    ['a ref with NUL', changed({ ref: 'refs/heads/a\u0000b' })],
    ['a ref with a line break', changed({ ref: 'refs/heads/a\nb' })],
    ['a ref longer than any', changed({ ref: `refs/heads/${'x'.repeat(2000)}` })],
    ['a short commit', changed({ after: commit.slice(0, 7) })],
    ['a commit that is an option', changed({ after: `--${commit.slice(2)}` })],
    ['commits that are no list', changed({ commits: {} })],
    ['deleted as a text', changed({ deleted: 'false' })],
  ]
  for (const [name, text] of cases) {
    it(`${name} is 400, says why, and reaches nothing`, async () => {
      const before = harness.intake.calls.length
      const url = `http://127.0.0.1:${harness.port}/hooks/github`
      const reply = await fetch(url, { method: 'POST', headers: githubHeaders(text), body: new Uint8Array(Buffer.from(text)) })
      assert.equal(reply.status, 400, name)
      const { error } = (await reply.json()) as { error: { code: string; message: string } }
      assert.equal(error.code, 'malformed-delivery')
      assert.ok(error.message.length > 10 && !error.message.includes('acme'))
      assert.equal(harness.intake.calls.length, before)
    })
  }

  it('names the field that is missing or wrong', async () => {
    const told = async (changes: Record<string, unknown>) => {
      const text = changed(changes)
      const reply = await request(harness.server).post('/hooks/github').set(githubHeaders(text)).send(text)
      return (reply.body as { error: { message: string } }).error.message
    }
    assert.equal(await told({ ref: undefined }), "The payload's field ref is missing.")
    assert.equal(await told({ after: 'x' }), "The payload's field after is not a full object id.")
    assert.match(await told({ deleted: 'false' }), /^The payload's field deleted is wrong: .*boolean/u)
  })

  it('a missing or strange event header is 400', async () => {
    const { 'x-github-event': _event, ...headers } = githubHeaders(body)
    for (const event of [{}, { 'x-github-event': '' }, { 'x-github-event': 'push, push' }, { 'x-github-event': '../push' }]) {
      assert.equal(
        (
          await request(harness.server)
            .post('/hooks/github')
            .set({ ...headers, ...event })
            .send(body)
        ).status,
        400,
      )
    }
  })

  it('the same two texts escaped properly are fine: a pair of surrogates, a backslash before ud800', async () => {
    const text = body.replace(/\}$/u, ',"x":"\\ud83d\\ude80","y":"\\\\ud800"}')
    assert.equal((await request(harness.server).post('/hooks/github').set(githubHeaders(text)).send(text)).status, 202)
  })

  it('__proto__ and constructor are keys like any other', async () => {
    const text = body.replace(/\}$/u, ',"__proto__":{"ref":"refs/heads/x","polluted":true},"constructor":{"prototype":{"polluted":true}}}')
    assert.equal(
      (
        await request(harness.server)
          .post('/hooks/github')
          .set(githubHeaders(text, githubSecret, 'proto'))
          .send(text)
      ).status,
      202,
    )
    assert.equal(Reflect.get({}, 'polluted'), undefined)
  })

  it('a ref that is unwise but possible is authentic and matches nothing', async () => {
    for (const ref of [
      'refs/heads/--upload-pack=x',
      'refs/heads/-',
      'refs/heads/$(id)',
      'refs/heads/main;x',
      'refs/notes/commits',
      'refs/heads/MAIN',
    ]) {
      const text = changed({ ref })
      const reply = await request(harness.server).post('/hooks/github').set(githubHeaders(text)).send(text)
      assert.equal(reply.status, 200, ref)
      assert.deepEqual(reply.body.tickets, [])
    }
  })
})
