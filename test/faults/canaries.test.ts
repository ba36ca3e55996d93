import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHmac, randomUUID } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { Redis } from 'ioredis'
import { checkoutRoot } from '../support/checkout.ts'
import { connectTo } from '../support/connect.ts'
import { startGitServer } from '../support/git-server.ts'
import { startProgram, type Program } from '../support/program.ts'
import { startRedisServer } from '../support/redis-server.ts'
import { openControlPlane } from '../support/shared-control-plane.ts'
import { createTempFolder } from '../support/temp-folder.ts'
import { until } from '../queue/until.ts'
import { githubPush } from '../webhook/support.ts'
import { canary, found } from './canaries.ts'

const NAME = `canary-${randomUUID().slice(0, 8)}`
const base64 = (text: string): string => Buffer.from(text).toString('base64')

const githubSecret = canary('webhook secret of GitHub')
const gitlabToken = canary('webhook token of GitLab')
const gitlabKey = canary('signing key of GitLab')
const ownSecret = canary("webhook secret of a repository's own")
const apiToken = canary('API token')
const redisPassword = canary('Redis password')
const gitPassword = canary('Git password')
const sshKey = canary('ssh key')
const kubeToken = canary('token of a kubeconfig')
const clientKey = canary('client key of a kubeconfig')
const secretData = canary("Secret's data")
const stringData = canary("Secret's stringData")
const lastApplied = canary('last-applied annotation')
const handEdit = canary("Secret's data, as edited by hand")
const proposed = canary("Secrets' data and stringData as a branch proposes them")
const refused = canary("Secret's data in a manifest that is refused")
const environmentValue = canary('literal value of a variable named PASSWORD')
const userinfo = canary('userinfo in a URL of a payload')
const configuredUserinfo = canary('userinfo in a URL of the configuration')
const wrongToken = canary('a token sent to the wrong door')
const CANARIES = [
  githubSecret, gitlabToken, gitlabKey, ownSecret, apiToken, redisPassword, gitPassword, sshKey, kubeToken, clientKey, secretData, stringData,
  lastApplied, handEdit, proposed, refused, environmentValue, userinfo, configuredUserinfo, wrongToken,
] // prettier-ignore

const json = (value: unknown): string => JSON.stringify(value)
const secret = (name: string, more: object): string => json({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, ...more })
const container = { name: 'main', image: 'good:1', env: [{ name: 'PASSWORD', value: environmentValue.value }] }
const template = { metadata: { labels: { app: 'api' } }, spec: { containers: [container] } }
const FILES = {
  'data.json': secret('data', { data: { content: base64(secretData.value) } }),
  'string.json': secret('string', { stringData: { content: stringData.value } }),
  'adopted.json': secret('adopted', { data: { user: base64('ada') } }),
  'api.json': json({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'api' },
    spec: { replicas: 1, selector: { matchLabels: { app: 'api' } }, template },
  }),
}

function kubeconfig(server: string, user: object): string {
  return json({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  })
}

test('no secret of twenty kinds is found in logs, Redis, API, pages, metrics or errors, whatever went well or wrong', async (context) => {
  await using stack = new AsyncDisposableStack()
  const plane = await openControlPlane()
  stack.defer(() => plane.close())
  const host = await startGitServer()
  stack.defer(() => host.stop())
  const folder = await createTempFolder('gitwake-canaries-')
  stack.defer(() => folder.remove())
  const redis = await startRedisServer({ args: ['--requirepass', redisPassword.value] })
  stack.defer(() => redis.stop())
  const connection = await connectTo(plane.kubeconfig, 'canaries')
  stack.defer(() => connection.close())
  const asKubectl = async (method: 'POST' | 'PATCH', path: string, body: object): Promise<void> => {
    const contentType = method === 'POST' ? 'application/json' : 'application/merge-patch+json'
    const signal = AbortSignal.timeout(20_000)
    const answer = await connection.request({
      method,
      path,
      query: { fieldManager: 'kubectl-edit' },
      contentType,
      body: json(body),
      signal,
    })
    assert.ok(answer.status < 300, answer.text)
  }

  const repository = await host.createRepository(NAME, FILES)
  repository.setCredentials({ username: 'git', password: gitPassword.value })
  const other = await host.createRepository(`${NAME}-other`, FILES)
  other.setCredentials({ username: 'git', password: 'another' })
  const file = async (name: string, text: string): Promise<string> => {
    const path = join(folder.path, name)
    await writeFile(path, text)
    return path
  }
  const server = /"?server"?:\s*"?(https:[^\s",]+)/.exec(await readFile(plane.kubeconfig, 'utf8'))?.[1] ?? ''
  const paths = {
    good: plane.kubeconfig,
    token: await file('token.kubeconfig', kubeconfig(server, { token: kubeToken.value })),
    key: await file(
      'key.kubeconfig',
      kubeconfig(server, { 'client-certificate-data': base64('no'), 'client-key-data': base64(clientKey.value) }),
    ),
    ssh: await file('id', `-----BEGIN OPENSSH PRIVATE KEY-----\n${sshKey.value}\n-----END OPENSSH PRIVATE KEY-----\n`),
    hosts: await file('known_hosts', '[127.0.0.1]:1 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGXcw\n'),
  }
  const document = (kind: string, name: string, spec: object) => json({ apiVersion: 'gitwake.dev/v1', kind, metadata: { name }, spec })
  const application = (name: string, from: string, cluster: string) =>
    document('Application', name, {
      source: { repository: from, ref: 'main' },
      destination: { cluster, namespace: NAME },
      sync: { healthTimeout: '0s' },
    })
  const credentials = { username: 'git', passwordFrom: { env: 'GIT_PASSWORD' } }
  const configuration = await file(
    'gitwake.yaml',
    [
      document('Repository', 'shop', { url: repository.url, allowInsecure: true, credentials, webhookSecretFrom: { env: 'OWN_SECRET' } }),
      document('Repository', 'closed', { url: other.url, allowInsecure: true, credentials }),
      document('Repository', 'ssh', {
        url: 'ssh://git@127.0.0.1:1/shop.git',
        allowInsecure: true,
        ssh: { privateKeyFrom: { file: paths.ssh }, knownHostsFrom: { file: paths.hosts } },
      }),
      document('Cluster', 'good', { kubeconfigFrom: { file: paths.good }, sweepInterval: '2s' }),
      document('Cluster', 'token', { kubeconfigFrom: { file: paths.token } }),
      document('Cluster', 'key', { kubeconfigFrom: { file: paths.key } }),
      application(NAME, 'shop', 'good'),
      application(`${NAME}-closed`, 'closed', 'good'),
      application(`${NAME}-ssh`, 'ssh', 'good'),
      application(`${NAME}-token`, 'shop', 'token'),
      application(`${NAME}-key`, 'shop', 'key'),
    ].join('\n---\n'),
  )
  const environment = {
    GITWAKE_CONFIG: configuration,
    REDIS_URL: redis.url.replace('redis://', `redis://:${redisPassword.value}@`),
    GITWAKE_API_TOKEN: apiToken.value,
    GITHUB_WEBHOOK_SECRET: githubSecret.value,
    GITLAB_WEBHOOK_SECRET: `whsec_${base64(gitlabKey.value)}`,
    GITLAB_WEBHOOK_TOKEN: gitlabToken.value,
    GITWAKE_CACHE_DIR: join(folder.path, 'cache'),
    GITWAKE_INVENTORY_NAMESPACE: `${NAME}-inventories`,
    LOG_LEVEL: 'trace',
    GIT_PASSWORD: gitPassword.value,
    OWN_SECRET: ownSecret.value,
  }

  // An object of kubectl's, with the annotation that repeats its content, which the first sync adopts.
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAME } }
  await asKubectl('POST', '/api/v1/namespaces', namespace)
  const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': json({ data: { password: base64(lastApplied.value) } }) }
  await asKubectl('POST', `/api/v1/namespaces/${NAME}/secrets`, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'adopted', annotations },
  })

  const program = await startProgram(['start'], environment)
  stack.defer(() => program.kill())
  // Before that a delivery may meet a queue that is not open yet.
  await until(async () => (await fetch(`${program.url}/readyz`)).ok)
  const answers: string[] = []
  const ask = async (path: string, init: RequestInit = {}): Promise<string> => {
    const headers = { authorization: `Bearer ${apiToken.value}`, ...init.headers }
    const text = await (await fetch(program.url + path, { ...init, headers, signal: AbortSignal.timeout(90_000) })).text()
    answers.push(text)
    return text
  }
  const sync = async (name: string, wait = '60s'): Promise<string> => ask(`/api/applications/${name}/sync?wait=${wait}`, { method: 'POST' })
  // On a busy machine the queue may answer too late; then the sender is told to send again, and does.
  const deliver = async (path: string, payload: string, headers: Record<string, string>): Promise<string> => {
    let answer = ''
    const isTaken = async (): Promise<boolean> => {
      answer = await ask(path, { method: 'POST', body: payload, headers: { 'content-type': 'application/json', ...headers } })
      if (answer.includes('"queue-unavailable"')) context.diagnostic(told(program, /did not accept a delivery/))
      return !answer.includes('"queue-unavailable"')
    }
    await until(isTaken)
    return answer
  }

  // What goes well: a push, an adoption, a hand edit that is healed.
  const push = json(
    githubPush({ repository: { clone_url: repository.url.replace('//', `//eve:${userinfo.value}@`), html_url: repository.url } }),
  )
  const signed = (key: string): Record<string, string> => ({
    'x-github-event': 'push',
    'x-github-delivery': randomUUID(),
    'x-hub-signature-256': `sha256=${createHmac('sha256', key).update(push).digest('hex')}`,
  })
  assert.match(await deliver('/hooks/github', push, signed(githubSecret.value)), new RegExp(`"application":"${NAME}"`))
  assert.match(await deliver('/hooks/github/shop', push, signed(ownSecret.value)), /"tickets"/)
  assert.match(await sync(NAME), /"outcome":"synced"/)
  const contentOf = async (name: string): Promise<string> => {
    const path = `/api/v1/namespaces/${NAME}/secrets/${name}`
    return (await connection.request({ method: 'GET', path, signal: AbortSignal.timeout(20_000) })).text
  }
  await asKubectl('PATCH', `/api/v1/namespaces/${NAME}/secrets/data`, { data: { content: base64(handEdit.value) } })
  await ask(`/api/applications/${NAME}/plan?wait=60s`)
  const isHealed = async (): Promise<boolean> => (await contentOf('data')).includes(base64(secretData.value))
  await until(isHealed).catch((error: unknown) => assert.fail(`${String(error)}\n${program.output()}`))

  // A branch that changes Secrets: its plan shows what would be changed and not to what, and so does the sync of the same on main.
  const changed = {
    'data.json': secret('data', { data: { content: base64(proposed.value) } }),
    'string.json': secret('string', { stringData: { content: proposed.value } }),
  }
  await repository.setRef('refs/heads/topic', await repository.head())
  await repository.commit(changed, { branch: 'topic' })
  const plan = await ask(`/api/applications/${NAME}/plan?ref=topic&wait=60s`)
  assert.match(plan, /"name":"data".*"field":"data.content".*"name":"string".*"field":"data.content"/)
  answers.push(await runCommand(['plan', NAME, '--ref', 'topic'], { ...environment, GITWAKE_URL: program.url }))
  await repository.commit(changed)
  assert.match(await sync(NAME), /"outcome":"(?:synced|not affected)"/)
  for (const name of ['data', 'string']) assert.ok((await contentOf(name)).includes(base64(proposed.value)))

  // What goes wrong: manifests that are refused, credentials that do not open, hosts that are not there, senders who know nothing.
  for (const [name, broken] of Object.entries({
    'no base64': secret('data', { data: { content: `!${refused.value}` } }),
    'no string': secret('data', { stringData: { content: { [refused.value]: 1 } } }),
    'no field': secret('data', { stringdata: { content: refused.value } }),
    'no list': json({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'data' }, data: [refused.value] }),
    'no YAML': `apiVersion: v1\nkind: Secret\nmetadata: {name: data}\nstringData:\n  content: ${refused.value}\n   broken: "\n`,
  })) {
    await repository.commit({ 'data.json': null, 'data.yaml': broken }, { message: name })
    assert.match(await sync(NAME), /"outcome":"(?:failed|held)"/, name)
    await ask(`/api/applications/${NAME}/plan?wait=60s`)
  }
  for (const kind of ['closed', 'ssh', 'token', 'key']) await sync(`${NAME}-${kind}`, '3s')
  await deliver('/hooks/gitlab', push, { 'x-gitlab-token': wrongToken.value, 'x-gitlab-event': 'Push Hook' })
  await ask('/api/applications', { headers: { authorization: `Bearer ${wrongToken.value}` } })
  await ask(`/api/applications?token=${wrongToken.value}`)

  // Everything that can be asked.
  const pages = [
    '/',
    `/applications/${NAME}`,
    '/queues',
    '/queues/api/queues',
    '/metrics',
    '/readyz',
    '/api/applications',
    '/api/audit',
    '/api/openapi.json',
  ]
  for (const path of pages) await ask(path)
  for (const kind of ['', '-closed', '-ssh', '-token', '-key']) {
    for (const path of ['', '/history?limit=100']) await ask(`/api/applications/${NAME}${kind}${path}`)
    await ask(`/applications/${NAME}${kind}`)
  }
  const commands = [['status', NAME], ['history', NAME], ['status', '--json'], ['sync', NAME, '--wait', '20s'], ['plan', NAME], ['validate']] // prettier-ignore
  for (const command of commands) answers.push(await runCommand(command, { ...environment, GITWAKE_URL: program.url }))
  const withUserinfo = await file(
    'bad.yaml',
    document('Repository', 'bad', { url: `https://eve:${configuredUserinfo.value}@example.com/shop.git` }),
  )
  answers.push(await runCommand(['validate', withUserinfo], environment))
  answers.push(await runCommand(['start'], { ...environment, GITWAKE_CONFIG: withUserinfo }))
  answers.push(await runCommand(['status'], { ...environment, GITWAKE_URL: 'http://127.0.0.1:1' }))

  const client = new Redis(redis.url, { password: redisPassword.value })
  stack.defer(() => client.disconnect())
  const dump = await dumpOf(client)
  await program.stop()

  for (const [place, text] of Object.entries({ 'the log': program.output(), Redis: dump, 'an answer': answers.join('\n\n') })) {
    assert.ok(text.includes(NAME), `${place} was read`)
    assert.deepEqual(found(text, CANARIES), [], place)
  }
  assert.equal(new Set(CANARIES.map(({ value }) => value)).size, 20)
})

/** The last line of its log that says so. */
function told(program: Program, what: RegExp): string {
  return (
    program
      .output()
      .split('\n')
      .findLast((line) => what.test(line)) ?? ''
  )
}

async function runCommand(parameters: readonly string[], environment: Readonly<Record<string, string>>): Promise<string> {
  const main = join(checkoutRoot, 'dist', 'src', 'main.js')
  return new Promise((resolve) => {
    const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], ...environment }
    execFile(process.execPath, [main, ...parameters], { env, timeout: 60_000 }, (_error, stdout, stderr) => resolve(stdout + stderr))
  })
}

/** Every key with its whole value, whatever its type. */
async function dumpOf(client: Redis): Promise<string> {
  const read: Readonly<Record<string, (key: string) => Promise<unknown>>> = {
    string: (key) => client.get(key),
    hash: (key) => client.hgetall(key),
    list: (key) => client.lrange(key, 0, -1),
    set: (key) => client.smembers(key),
    zset: (key) => client.zrangebyscore(key, '-inf', '+inf', 'WITHSCORES'),
    stream: (key) => client.xrange(key, '-', '+'),
  }
  const keys = (await client.keys('*')).map(String)
  const lines = keys.map(async (key) => {
    const type = await client.type(key)
    return `${key} ${type} ${JSON.stringify(await read[type]?.(key))}`
  })
  return (await Promise.all(lines)).join('\n')
}
