import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { test, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { connectCluster, type ClusterConnection } from '../../src/cluster/connect.ts'
import { impersonating } from '../../src/cluster/impersonate.ts'
import { answer, clusterOf, connectTo, kubeconfigText, resolveSecret, serve, silent, tempFolder } from './api-server.ts'

const signal = new AbortController().signal
const GET = { method: 'GET', path: '/version', signal } as const
const dependencies = { resolveSecret, log: silent }

async function open(t: TestContext, file: string, more: Parameters<typeof clusterOf>[1] = {}): Promise<ClusterConnection> {
  const connection = await connectCluster(clusterOf(file, more), dependencies)
  t.after(() => connection.close())
  return connection
}

/** A server that tells the headers it was sent. */
async function mirror(t: TestContext): Promise<string> {
  return serve(t, (request, response) => answer(response, 200, JSON.stringify(request.headers)))
}

async function headersOf(connection: ClusterConnection): Promise<Record<string, string>> {
  return JSON.parse((await connection.request(GET)).text) as Record<string, string>
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await delay(50)
}

for (const [name, user] of [
  ['exec', { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: 'touch', args: ['/tmp/never'] } }],
  ['an auth provider with cmd-path', { 'auth-provider': { name: 'gcp', config: { 'cmd-path': '/bin/false' } } }],
  ['an auth provider', { 'auth-provider': { name: 'oidc', config: { 'id-token': 'x' } } }],
] as const) {
  test(`a kubeconfig with ${name} runs nothing unless that is allowed`, async (t) => {
    const file = join(await tempFolder(t), 'kubeconfig')
    await writeFile(file, kubeconfigText('http://127.0.0.1:1', user))
    await assert.rejects(open(t, file), { code: 'exec-refused', retryable: false })
  })
}

test('where it is allowed, the program gives the token', async (t) => {
  const file = join(await tempFolder(t), 'kubeconfig')
  const credential = { apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status: { token: 'minted' } }
  const exec = { apiVersion: credential.apiVersion, command: 'echo', args: [JSON.stringify(credential)], interactiveMode: 'Never' }
  await writeFile(file, kubeconfigText(await mirror(t), { exec }))
  assert.equal((await headersOf(await open(t, file, { allowExec: true })))['authorization'], 'Bearer minted')
})

test('a program of another context does not matter', async (t) => {
  const url = await mirror(t)
  const file = join(await tempFolder(t), 'kubeconfig')
  const config = {
    'current-context': 'one',
    contexts: [
      { name: 'one', context: { cluster: 'c', user: 'runs' } },
      { name: 'two', context: { cluster: 'c', user: 'token' } },
    ],
    clusters: [{ name: 'c', cluster: { server: url, 'insecure-skip-tls-verify': true } }],
    users: [
      { name: 'runs', user: { exec: { command: 'false' } } },
      { name: 'token', user: { token: 'two' } },
    ],
  }
  await writeFile(file, JSON.stringify(config))
  await assert.rejects(open(t, file), { code: 'exec-refused' })
  assert.equal((await headersOf(await open(t, file, { context: 'two' })))['authorization'], 'Bearer two')
  await assert.rejects(open(t, file, { context: 'three' }), { code: 'kubeconfig-invalid', message: /no context named three/ })
})

test('a token file stands beside the kubeconfig, wins over a token, and is read again when it changes', async (t) => {
  const folder = await tempFolder(t)
  await mkdir(join(folder, 'keys'))
  await writeFile(join(folder, 'keys/token'), 'first\n')
  await writeFile(join(folder, 'kubeconfig'), kubeconfigText(await mirror(t), { tokenFile: 'keys/token', token: 'other' }))
  const connection = await open(t, join(folder, 'kubeconfig'))
  assert.equal((await headersOf(connection))['authorization'], 'Bearer first')
  await writeFile(join(folder, 'keys/next'), 'second\n')
  await rename(join(folder, 'keys/next'), join(folder, 'keys/token'))
  await until(async () => (await headersOf(connection))['authorization'] === 'Bearer second')
})

test('a kubeconfig is read again when it changes, and while it is broken the last good one stays', async (t) => {
  const [one, two] = [await mirror(t), await mirror(t)]
  const file = join(await tempFolder(t), 'kubeconfig')
  await writeFile(file, kubeconfigText(one, { token: 'first' }))
  let warnings = 0
  const connection = await connectCluster(clusterOf(file), { resolveSecret, log: { ...silent, warn: () => void warnings++ } })
  t.after(() => connection.close())
  await writeFile(file, 'half: [')
  await until(async () => (await headersOf(connection))['authorization'] === 'Bearer first' && warnings > 0)
  await writeFile(file, kubeconfigText(two, { token: 'second' }))
  await until(async () => (await headersOf(connection))['authorization'] === 'Bearer second')
  assert.equal((await headersOf(connection))['host'], new URL(two).host)
})

test('a token that the server refuses is read again at once, and the request goes on', async (t) => {
  let valid = 'Bearer first'
  const url = await serve(t, (request, response) => answer(response, request.headers.authorization === valid ? 200 : 401, '{}'))
  const folder = await tempFolder(t)
  await writeFile(join(folder, 'token'), 'first')
  await writeFile(join(folder, 'kubeconfig'), kubeconfigText(url, { tokenFile: 'token' }))
  const connection = await open(t, join(folder, 'kubeconfig'))
  assert.equal((await connection.request(GET)).status, 200)
  valid = 'Bearer second'
  assert.equal((await connection.request(GET)).status, 401)
  await writeFile(join(folder, 'token'), 'second')
  assert.equal((await connection.request(GET)).status, 200)
})

test('impersonation is sent whole: leaving out the groups would act with other rights', async (t) => {
  const file = join(await tempFolder(t), 'kubeconfig')
  const user = { token: 'x', as: 'deployer', 'as-uid': '7', 'as-groups': ['a', 'b'], 'as-user-extra': { 'acme.example/team': ['shop'] } }
  await writeFile(file, kubeconfigText(await mirror(t), user))
  const headers = await headersOf(await open(t, file))
  assert.deepEqual(
    Object.entries(headers).filter(([name]) => name.startsWith('impersonate')),
    [
      ['impersonate-group', 'a, b'],
      ['impersonate-uid', '7'],
      ['impersonate-extra-acme.example%2fteam', 'shop'],
      ['impersonate-user', 'deployer'],
    ],
  )
})

test('a user with a password is one, too', async (t) => {
  const file = join(await tempFolder(t), 'kubeconfig')
  await writeFile(file, kubeconfigText(await mirror(t), { username: 'me', password: 'secret' }))
  const { authorization } = await headersOf(await open(t, file))
  assert.equal(authorization, `Basic ${Buffer.from('me:secret').toString('base64')}`)
})

for (const [name, text] of [
  ['nothing', ''],
  ['a list', '- a'],
  ['no YAML', 'token: canary-1\n  bad: [canary-1'],
  ['no context', 'users: [{name: a, user: {token: canary-1}}]'],
  [
    'a missing user',
    '{current-context: a, contexts: [{name: a, context: {cluster: c, user: u}}], clusters: [{name: c, cluster: {server: x}}]}',
  ],
  ['a missing file', kubeconfigText('https://127.0.0.1:1', { tokenFile: 'canary-file' })],
] as const) {
  test(`a kubeconfig with ${name} is an error that shows none of its text`, async (t) => {
    const file = join(await tempFolder(t), 'kubeconfig')
    await writeFile(file, text)
    const error: unknown = await open(t, file).catch((thrown: unknown) => thrown)
    assert(error instanceof Error && 'code' in error)
    assert.equal(error.code, 'kubeconfig-invalid')
    assert.doesNotMatch(error.message + String(error.cause), /canary-1/)
  })
}

test('outside a Pod, inCluster says so', async () => {
  const cluster = { name: 'here', sweepIntervalMs: 1, auditIntervalMs: 0, watch: false, connection: { kind: 'in-cluster' } } as const
  await assert.rejects(connectCluster(cluster, dependencies), { code: 'not-in-cluster' })
  // Where the variables of a Pod are set, its service account is looked for.
  const inPod = { ...dependencies, environment: (name: string) => (name === 'KUBERNETES_SERVICE_HOST' ? '127.0.0.1' : '443') }
  await assert.rejects(connectCluster(cluster, inPod), { code: 'kubeconfig-invalid', message: /serviceaccount\/ca\.crt/ })
})

for (const [user, isLoaded] of [
  [{ token: 'x' }, false],
  [
    {
      exec: {
        apiVersion: 'client.authentication.k8s.io/v1',
        command: 'echo',
        args: ['{"status":{"token":"x"}}'],
        interactiveMode: 'Never',
      },
    },
    true,
  ],
] as const) {
  test(`with ${Object.keys(user).join()}, Kubernetes' own client, which is large, is ${isLoaded ? '' : 'not '}loaded`, () => {
    const connect = new URL(`../../src/cluster/connect${extname(import.meta.filename)}`, import.meta.url).href
    const script = `
      import { registerHooks } from 'node:module'
      const asked = new Set()
      registerHooks({ resolve: (name, context, next) => (asked.add(name), next(name, context)) })
      const { connectCluster } = await import(${JSON.stringify(connect)})
      const connection = { kind: 'kubeconfig', kubeconfigFrom: { env: 'X' }, allowExec: true }
      const resolveSecret = () => ${JSON.stringify(kubeconfigText('http://127.0.0.1:1', user))}
      await connectCluster({ name: 'c', sweepIntervalMs: 1, connection }, { log: {}, resolveSecret })
      process.stdout.write(String(asked.has('@kubernetes/client-node')))
      process.exit()`
    assert.equal(execFileSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' }), String(isLoaded))
  })
}

test('TLS: the CA must vouch, and a client certificate is shown and renewed', async (t) => {
  const folder = await tempFolder(t)
  const make = (name: string, issuer: readonly string[] = []): void => {
    const ext = ['-addext', 'subjectAltName=IP:127.0.0.1', ...issuer]
    const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', `/CN=${name}`]
    execFileSync('openssl', [...args, '-keyout', join(folder, `${name}.key`), '-out', join(folder, `${name}.crt`), ...ext], {
      stdio: 'pipe',
    })
  }
  for (const name of ['server', 'client', 'renewed']) make(name)
  const read = (name: string): Promise<Buffer> => readFile(join(folder, name))
  const options = { key: await read('server.key'), cert: await read('server.crt'), requestCert: true, rejectUnauthorized: false }
  const server = createServer(options, (request, response) => {
    answer(response, 200, String((request.socket as TLSSocket).getPeerCertificate().subject?.CN))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => (server.closeAllConnections(), server.close()))
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  const user = { 'client-certificate': 'client.crt', 'client-key': 'client.key' }

  const stranger = join(folder, 'stranger')
  await writeFile(stranger, kubeconfigText(url, user, {}))
  await assert.rejects((await open(t, stranger)).request(GET), { code: 'cluster-untrusted' })

  const trusting = join(folder, 'trusting')
  await writeFile(trusting, kubeconfigText(url, user, { 'certificate-authority': 'server.crt' }))
  const connection = await open(t, trusting)
  assert.equal((await connection.request(GET)).text, 'client')
  await writeFile(join(folder, 'client.key'), await read('renewed.key'))
  await writeFile(join(folder, 'client.crt'), await read('renewed.crt'))
  await until(async () => (await connection.request(GET)).text === 'renewed')
})

test('a service account that a request names is taken alone, without what the kubeconfig itself impersonates', async (t) => {
  const user = { token: 'x', as: 'deployer', 'as-uid': '7', 'as-groups': ['system:masters'], 'as-user-extra': { team: ['shop'] } }
  const url = await serve(t, (request, response) => answer(response, 200, JSON.stringify(request.headers)))
  const connection = impersonating(await connectTo(t, url, { user }), { namespace: 'shop', name: 'writer' })
  const sent = async (method: 'GET' | 'PATCH') => {
    const headers = JSON.parse((await connection.request({ method, path: '/api', signal })).text)
    return Object.entries(headers).filter(([name]) => name.startsWith('impersonate'))
  }
  assert.deepEqual(await sent('PATCH'), [['impersonate-user', 'system:serviceaccount:shop:writer']])
  assert.equal((await sent('GET')).length, 4, 'a look is made by who the kubeconfig says we are')
})
