import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import request from 'supertest'
import type { JsonObject } from '../../src/model/json.ts'
import { createMatch } from '../../src/webhook/match.ts'
import { application, configurationOf, githubHeaders, githubSecret, gitlabHeaders, startReceiver } from './support.ts'

const configuration = configurationOf(
  {
    hello: 'git@github.com:Codertocat/Hello-World.git',
    elsewhere: 'https://ghe.example.com/codertocat/hello-world.git',
    store: 'https://gitlab.example.com/acme/store.git',
  },
  [
    application('hello-prod', 'hello', 'refs/heads/master'),
    application('hello-dev', 'hello', 'refs/heads/dev'),
    application('elsewhere-prod', 'elsewhere', 'refs/heads/master'),
    application('store-prod', 'store', 'refs/heads/main'),
  ],
)
const match = createMatch(() => configuration)
const require = createRequire(import.meta.url)
const examples = require('@octokit/webhooks-examples/api.github.com/index.json') as readonly {
  name: string
  examples: readonly JsonObject[]
}[]
const exampleOf = (action: string): string =>
  JSON.stringify(examples.find(({ name }) => name === 'repository')?.examples.find((payload) => payload.action === action))

async function tell(path: string, body: string, headers: Record<string, string>) {
  const harness = await startReceiver({ match })
  try {
    const reply = await request(harness.server).post(path).set(headers).send(body)
    const warned = harness.logged.filter(({ level }) => level === 'warn').map(({ message }) => message)
    return { status: reply.status, ignored: String(reply.body.ignored), warned, targets: harness.intake.calls[0]?.targets ?? [] }
  } finally {
    await harness.close()
  }
}

test('a renamed repository is told in the log and the answer, with what to write where; nobody is woken', async () => {
  const told = JSON.parse(exampleOf('renamed')) as { repository: object; changes: object }
  const body = JSON.stringify({
    ...told,
    repository: {
      ...told.repository,
      name: 'Bye-World',
      html_url: 'https://github.com/Codertocat/Bye-World',
      owner: { login: 'Codertocat' },
    },
    changes: { repository: { name: { from: 'Hello-World' } } },
  })
  const { status, ignored, warned, targets } = await tell('/hooks/github', body, githubHeaders(body, githubSecret, 'd-1', 'repository'))
  assert.equal(status, 200)
  assert.equal(
    ignored,
    'the repository Codertocat/Hello-World is now called https://github.com/Codertocat/Bye-World.git: write its new URL into spec.url of Repository hello',
  )
  assert.deepEqual(warned, [ignored])
  assert.deepEqual(targets, [])
})

test('a repository with another owner is told too', async () => {
  const told = JSON.parse(exampleOf('transferred')) as { repository: object }
  for (const from of [{ user: { login: 'Codertocat' } }, { organization: { login: 'Codertocat' } }]) {
    const body = JSON.stringify({
      ...told,
      repository: { ...told.repository, name: 'Hello-World', html_url: 'https://github.com/acme/Hello-World', owner: { login: 'acme' } },
      changes: { owner: { from } },
    })
    const { warned } = await tell('/hooks/github', body, githubHeaders(body, githubSecret, 'd-1', 'repository'))
    assert.match(
      warned[0] ?? '',
      /^the repository Codertocat\/Hello-World is now called https:\/\/github\.com\/acme\/Hello-World\.git: .*Repository hello$/u,
    )
  }
})

test('a project that GitLab has renamed is found by its path', async () => {
  const body = JSON.stringify({
    event_name: 'project_rename',
    project_id: 73,
    path_with_namespace: 'acme/shop',
    old_path_with_namespace: 'Acme/store',
    owner_name: 'Ada Lovelace',
  })
  const { status, warned } = await tell('/hooks/gitlab', body, { ...gitlabHeaders(body), 'x-gitlab-event': 'System Hook' })
  assert.equal(status, 200)
  assert.match(warned[0] ?? '', /^the repository Acme\/store is now called acme\/shop: .*Repository store$/u)
})

test('a repository that nobody uses, and what else happens to one, is no warning', async () => {
  for (const [path, body, headers] of [
    ['/hooks/github', exampleOf('edited'), githubHeaders(exampleOf('edited'), githubSecret, 'd-1', 'repository')],
    ['/hooks/github', '{}', githubHeaders('{}', githubSecret, 'd-1', 'repository')],
    [
      '/hooks/gitlab',
      '{"event_name": "project_transfer"}',
      { ...gitlabHeaders('{"event_name": "project_transfer"}'), 'x-gitlab-event': 'System Hook' },
    ],
    [
      '/hooks/gitlab',
      '{"event_name": "project_rename", "path_with_namespace": "a/b", "old_path_with_namespace": "a/store"}',
      {
        ...gitlabHeaders('{"event_name": "project_rename", "path_with_namespace": "a/b", "old_path_with_namespace": "a/store"}'),
        'x-gitlab-event': 'System Hook',
      },
    ],
  ] as const) {
    const { status, warned } = await tell(path, body, headers)
    assert.deepEqual([status, warned], [200, []], body)
  }
})
