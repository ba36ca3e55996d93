import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { runCli } from '../../src/cli.ts'
import type { Environment } from '../../src/config.ts'
import { loadConfiguration } from '../../src/config/load.ts'
import type { SyncResult } from '../../src/model/result.ts'
import { sampleChange, samplePlan } from '../web/samples.ts'

interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
  readonly roles: readonly string[]
}

async function gitwake(parameters: readonly string[], environment: Environment = {}): Promise<Ran> {
  const ran = { out: '', err: '', roles: [] as string[] }
  const role = (name: string) => (options?: unknown) => {
    ran.roles.push(`${name} ${JSON.stringify(options ?? {})}`)
    return Promise.resolve(0)
  }
  const terminal = { out: (text: string) => void (ran.out += text), err: (text: string) => void (ran.err += text), colour: false }
  const code = await runCli({
    parameters,
    environment,
    terminal,
    roles: { start: role('start'), serve: role('serve'), work: role('work') },
  })
  return { code, ...ran }
}

let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gitwake-cli-'))
})
after(() => rm(folder, { recursive: true, force: true }))
async function file(name: string, text: string): Promise<string> {
  const path = join(folder, name)
  await mkdir(join(path, '..'), { recursive: true })
  await writeFile(path, text)
  return path
}

describe('the command line', () => {
  test('explains itself, and names its version', async () => {
    const help = await gitwake(['--help'])
    assert.equal(help.code, 0)
    for (const command of [
      'start',
      'serve',
      'work',
      'validate',
      'render',
      'health',
      'rbac',
      'token',
      'schema',
      'status',
      'history',
      'commit',
      'audit',
      'plan',
      'sync',
    ])
      assert.match(help.out, new RegExp(`^  ${command} `, 'm'))
    assert.match((await gitwake(['--version'])).out, /^\d+\.\d+\.\d+\n$/)
  })

  test('tells defaults as they are written, and none where nothing is given', async () => {
    const help = async (command: string) => (await gitwake([command, '--help'])).out.replaceAll(/\s+/g, ' ')
    assert.match(await help('plan'), /how long to wait for it \(default: 2m\)/)
    assert.match(await help('rbac'), /\(default: gitwake-system\/gitwake-work\)/)
    assert.match(await help('history'), /\(default: 20\)/)
    for (const command of ['work', 'status', 'token', 'sync']) assert.doesNotMatch(await help(command), /default: (?:false|\[\])/)
  })

  const usage: readonly (readonly string[])[] = [
    [],
    ['synk'],
    ['render'],
    ['render', '--path', 'a', '-f', 'b'],
    ['render', '-f', 'a', '-o', 'xml'],
    ['health'],
    ['sync'],
    ['sync', 'a', '--wait', 'soon'],
    ['history', 'a', '--limit', '0'],
    ['status', '--bogus'],
  ]
  for (const parameters of usage) {
    test(`answers wrong usage with 2 and a sentence: gitwake ${parameters.join(' ')}`, async () => {
      const { code, err, out } = await gitwake(parameters)
      assert.equal(code, 2)
      assert.notEqual(err, '')
      assert.equal(out, '')
    })
  }

  test('hands the roles their options', async () => {
    assert.deepEqual((await gitwake(['start'])).roles, ['start {}'])
    assert.deepEqual((await gitwake(['work', '--cluster', 'prod', '--drain'])).roles, ['work {"drain":true,"cluster":"prod"}'])
  })

  test('tells an invalid environment in full, without a stack', async () => {
    const { code, err } = await gitwake(['status'], { PORT: 'x', LOG_LEVEL: 'y' })
    assert.equal(code, 1)
    assert.match(err, /PORT .*\n.*LOG_LEVEL/)
    assert.doesNotMatch(err, /\.ts:\d/)
  })
})

describe('gitwake validate', () => {
  const repository = 'apiVersion: gitwake.dev/v1\nkind: Repository\nmetadata: {name: shop}\nspec: {url: https://github.com/acme/shop.git}\n'

  test('says what a valid configuration holds', async () => {
    const path = await file('valid.yaml', repository)
    const { code, out } = await gitwake(['validate'], { GITWAKE_CONFIG: path })
    assert.deepEqual([code, out], [0, `${path} is valid: 1 repository, 0 clusters, 0 applications in 1 file\n`])
  })

  test('lists every problem and exits 1', async () => {
    const path = await file('invalid.yaml', repository.replace('url', 'ulr'))
    const { code, err } = await gitwake(['validate', path])
    assert.equal(code, 1)
    assert.match(err, /spec\.ulr: is not a field; did you mean "url"\?/)
    const json = JSON.parse((await gitwake(['validate', path, '--json'])).out)
    assert.equal(json.valid, false)
    assert.ok(json.problems.length >= 2)
  })

  test('answers in JSON, where it was asked for, although there is nothing to check', async () => {
    const { code, out } = await gitwake(['validate', join(folder, 'nowhere.yaml'), '--json'])
    const { valid, problems } = JSON.parse(out)
    assert.deepEqual([code, valid, problems.length], [1, false, 1])
    assert.match(problems[0].message, /There is no configuration at .*nowhere\.yaml/)
  })
})

describe('gitwake schema', () => {
  test('prints JSON Schema', async () => {
    const { oneOf } = JSON.parse((await gitwake(['schema'])).out)
    const kinds = oneOf.map((kind: { properties: { kind: { const: string } } }) => kind.properties.kind.const)
    assert.deepEqual(kinds.toSorted(), ['Application', 'Cluster', 'Login', 'People', 'Repository', 'Token'])
  })

  test('makes a token, and the document that lets it in and cannot be turned back into it', async () => {
    const { code, out, err } = await gitwake(
      'token shop-ci --allow sync --application shop-* billing --cluster prod --valid 90d'.split(' '),
    )
    assert.equal(code, 0)
    const [secret = ''] = /^gwt_[\w-]{43}$/m.exec(err) ?? []
    assert.ok(!out.includes(secret))
    const { tokens } = await loadConfiguration(await file('tokens.yaml', out))
    const { expiresAt = 0, ...made } = tokens.get('shop-ci') ?? assert.fail('there is no token')
    assert.deepEqual(made, {
      name: 'shop-ci',
      secret: { kind: 'hash', sha256: createHash('sha256').update(secret).digest('hex') },
      grant: { allow: 'sync', applications: ['shop-*', 'billing'], clusters: ['prod'] },
    })
    assert.ok(Math.abs(expiresAt - Date.now() - 90 * 86_400_000) < 120_000)
    assert.notEqual((await gitwake(['token', 'shop-ci'])).out, (await gitwake(['token', 'shop-ci'])).out)
    assert.match((await gitwake(['token', 'Shop CI'])).err, /lower-case letters/)
  })
})

const MANIFESTS = `apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {answer: "yes", mode: "0644"}
---
apiVersion: v1
kind: Secret
metadata: {name: token}
stringData: {value: hello}
---
apiVersion: example.org/v1
kind: Counter
metadata: {name: big}
spec: {n: 12345678901234567890, mode: 0644, on: yes}
`

describe('gitwake render', () => {
  test('prints a file as it would be applied, as YAML that reads back the same', async () => {
    const path = await file('one/a.yaml', MANIFESTS)
    const { code, out } = await gitwake(['render', '-f', path])
    assert.equal(code, 0)
    assert.match(out, /value: aGVsbG8=/)
    assert.match(out, /n.: 12345678901234567890/)
    assert.match(out, /mode: 420/)
    assert.match(out, /answer: 'yes'/)
    const again = await gitwake(['render', '-f', await file('two/a.yaml', out)])
    assert.equal(again.out, out)
  })

  test('prints a folder as a JSON List with the digits of large integers', async () => {
    await file('three/a.yaml', MANIFESTS)
    const { code, out } = await gitwake(['render', '--path', join(folder, 'three'), '-o', 'json'])
    assert.equal(code, 0)
    assert.equal(JSON.parse(out).items.length, 3)
    assert.match(out, /"n": 12345678901234567890/)
  })

  test('tells what is wrong with a manifest, and where', async () => {
    const { code, err } = await gitwake(['render', '-f', await file('broken.yaml', 'kind: ConfigMap\nmetadata: {name: a}\n')])
    assert.equal(code, 1)
    assert.match(err, /broken\.yaml/)
    assert.match(err, /apiVersion/)
  })
})

describe('gitwake health', () => {
  const deployment = (extra: string): string =>
    `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api, namespace: shop, generation: 1}\nspec: {replicas: 1}\n${extra}`

  test('judges each object, with a List opened', async () => {
    const ready =
      'status: {observedGeneration: 1, replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1, conditions: [{type: Available, status: "True"}]}'
    const indented = deployment(ready)
      .split('\n')
      .map((line, index) => `${index === 0 ? '- ' : '  '}${line}`)
      .join('\n')
    const { code, out } = await gitwake([
      'health',
      '-f',
      await file(
        'list.yaml',
        `apiVersion: v1\nkind: List\nitems:\n${indented}\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n`,
      ),
    ])
    assert.equal(code, 0)
    assert.match(out, /Deployment\/shop\/api +current/)
    assert.match(out, /ConfigMap\/a +current/)
  })

  test('exits 1 where one has failed', async () => {
    const failed =
      'status: {observedGeneration: 1, conditions: [{type: Progressing, status: "False", reason: ProgressDeadlineExceeded, message: too late}]}'
    const { code, out } = await gitwake(['health', '-f', await file('failed.yaml', deployment(failed)), '--json'])
    assert.equal(code, 1)
    assert.equal(JSON.parse(out)[0].status, 'failed')
  })

  test('judges by the expressions of a cluster of the configuration', async () => {
    const cluster =
      "{apiVersion: gitwake.dev/v1, kind: Cluster, metadata: {name: prod}, spec: {inCluster: true, health: [{kind: ConfigMap, current: data.up == 'yes', failed: data.up == 'no'}]}}"
    const environment = { GITWAKE_CONFIG: await file('judging.yaml', cluster) }
    const object = await file('flag.yaml', '{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {up: "no"}}')
    assert.equal((await gitwake(['health', '-f', object], environment)).code, 0)
    const { code, out } = await gitwake(['health', '-f', object, '--cluster', 'prod'], environment)
    assert.equal(code, 1)
    assert.match(out, /ConfigMap\/a +failed +It has failed/)
    const { err } = await gitwake(['health', '-f', object, '--cluster', 'staging'], environment)
    assert.match(err, /has no cluster "staging"/)
  })

  test('refuses what is no object', async () => {
    const { code, err } = await gitwake(['health', '-f', await file('none.yaml', 'a: 1\n')])
    assert.equal(code, 1)
    assert.match(err, /is not a Kubernetes object/)
  })
})

const TOKEN = 'token-of-the-tests'
const RESULT: SyncResult = {
  schema: 1,
  application: 'shop',
  cluster: 'prod',
  reason: 'manual',
  triggers: [],
  seen: 3,
  revision: 'a'.repeat(40),
  rendered: 'x',
  outcome: 'synced',
  message: 'Synced.',
  changes: [
    {
      object: { group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'api' },
      action: 'configured',
      reason: 'spec.replicas differs \u001b[31m',
    },
  ],
  counts: { configured: 1 },
  warnings: [],
  health: { status: 'current', objects: [] },
  startedAt: 0,
  finishedAt: 420,
  timings: {},
}

describe('the commands that ask a server', () => {
  let server: Server
  let environment: Environment = {}
  let answers: Record<string, { status: number; body: unknown }[]> = {}
  before(async () => {
    server = createServer((request, response) => {
      const authorized = request.headers.authorization === `Bearer ${TOKEN}`
      const queue = answers[`${request.method} ${request.url?.replace(/wait=\d+ms/, 'wait')}`] ?? []
      const answer = authorized ? (queue.length > 1 ? queue.shift() : queue[0]) : { status: 401, body: { error: {} } }
      response.writeHead(answer?.status ?? 404, { 'content-type': 'application/json' })
      response.end(JSON.stringify(answer?.body ?? { error: { code: 'not-found' } }))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    environment = { GITWAKE_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, GITWAKE_API_TOKEN: TOKEN }
  })
  after(() => {
    server.closeAllConnections()
    server.close()
  })

  const status = {
    application: 'shop',
    cluster: 'prod',
    namespace: 'shop',
    repository: 'shop',
    ref: 'refs/heads/main',
    path: '',
    sync: 'synced',
    health: 'current',
    drift: [],
    wanted: 3,
    done: 3,
    applied: { revision: 'a'.repeat(40), at: 0 },
    lastResult: RESULT,
  }

  test('status shows a table, one application, or JSON', async () => {
    answers = {
      'GET /api/applications': [{ status: 200, body: { applications: [status] } }],
      'GET /api/applications/shop': [{ status: 200, body: status }],
    }
    const table = await gitwake(['status'], environment)
    assert.equal(table.code, 0)
    assert.match(table.out, /^APPLICATION +CLUSTER/)
    assert.match(table.out, /shop +prod +shop +aaaaaaaa +synced +current/)
    const one = await gitwake(['status', 'shop'], environment)
    assert.match(one.out, /configured Deployment\/shop\/api: spec\.replicas differs/)
    assert.ok(!one.out.includes('\u001b'))
    assert.deepEqual(JSON.parse((await gitwake(['status', '--json'], environment)).out), [status])
  })

  test('status says what an application waits for now, not what it was when the wait began', async () => {
    const waiting = { for: 'dependencies', why: 'database is not healthy: failed' }
    const lastResult = { ...RESULT, outcome: 'waiting', message: 'waits for database, which is being synced' }
    answers = { 'GET /api/applications': [{ status: 200, body: { applications: [{ ...status, sync: 'waiting', waiting, lastResult }] } }] }
    const { out } = await gitwake(['status'], environment)
    assert.match(out, /ago: waits for other applications: database is not healthy: failed\n/)
    assert.doesNotMatch(out, /being synced/)
  })

  test('status says once what to do about drift that the last result has seen as well', async () => {
    const left = sampleChange({ action: 'skipped', reason: 'not healed any more', fix: 'Leave the field out of Git.' })
    const drifted = { ...status, drift: [left], lastResult: { ...RESULT, changes: [left] } }
    answers = { 'GET /api/applications/shop': [{ status: 200, body: drifted }] }
    const { out } = await gitwake(['status', 'shop'], environment)
    assert.equal(out.split('not healed any more').length - 1, 2)
    assert.equal(out.split('Leave the field out of Git.').length - 1, 1, out)
  })

  test('status tells each repository that polls cannot reach, once, and what to do', async () => {
    const problem = { code: 'git-failed', message: 'repository shop: moved away', fix: 'Set spec.url.', retryable: true }
    const lost = { ...status, pollFails: { since: Date.now() - 125_000, problem } }
    answers = {
      'GET /api/applications': [{ status: 200, body: { applications: [lost, { ...lost, application: 'shop-too' }, status] } }],
      'GET /api/applications/shop': [{ status: 200, body: lost }],
    }
    const table = await gitwake(['status'], environment)
    assert.match(table.out, /\n\npolls of shop \(for cluster prod\) fail for 2m: repository shop: moved away\n {2}→ Set spec\.url\.\n$/)
    assert.equal(table.out.match(/moved away/g)?.length, 1)
    assert.match(
      (await gitwake(['status', 'shop'], environment)).out,
      /\npolls fail +for 2m: repository shop: moved away\n {2}→ Set spec\.url\.\n/,
    )
  })

  test('commit tells where it is, what it changed, and exits 1 where it is not there', async () => {
    const sha = 'a'.repeat(40)
    const place = { application: 'shop', cluster: 'prod', namespace: 'shop', ref: 'refs/heads/main', objects: [], since: 0 }
    const { object, action, reason } = sampleChange({})
    const synced = { ...place, state: 'synced', message: '1 configured', health: 'current', objects: [{ object, action, reason }] }
    const lost = { ...place, application: 'web', state: 'superseded', message: 'superseded by bbbb\u001b[31m' }
    const report = { revision: sha, repositories: ['shop'], applications: [synced, { ...place, state: 'unknown', message: 'elsewhere' }] }
    answers = {
      'GET /api/commits/aaaaaaa': [{ status: 200, body: report }],
      'GET /api/commits/bbbbbbb': [{ status: 200, body: { ...report, applications: [synced, lost] } }],
      'GET /api/commits/ccccccc': [
        { status: 422, body: { error: { message: 'More than one.', fix: 'More digits.', reasons: ['c1', 'c2'] } } },
      ],
    }
    const there = await gitwake(['commit', 'aaaaaaa'], environment)
    assert.equal(there.code, 0)
    assert.match(there.out, /^a{40} of shop\nAPPLICATION +CLUSTER +STATE[^\n]+\nshop +prod +synced +current +\d+d +1 configured\n/)
    assert.match(there.out, /configured +Deployment\/shop\/api: spec/)
    const elsewhere = await gitwake(['commit', 'bbbbbbb'], environment)
    assert.deepEqual([elsewhere.code, elsewhere.out.includes('\u001b')], [1, false])
    const ambiguous = await gitwake(['commit', 'ccccccc'], environment)
    assert.deepEqual([ambiguous.code, /More than one\.\n {2}c1\n {2}c2/.test(ambiguous.err)], [1, true])
    assert.match((await gitwake(['commit', 'ddddddd'], environment)).err, /Nobody has heard of commit ddddddd/)
  })

  test('an object that failed is shown with the last lines that its container wrote', async () => {
    const object = { group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'api' }
    const sick = { object, status: 'failed', message: 'Pod api-1: CrashLoopBackOff', log: ['starting', 'no \u001b[31mtable'] }
    const lastResult = { ...RESULT, health: { status: 'failed', objects: [sick] } }
    answers = { 'GET /api/applications/shop': [{ status: 200, body: { ...status, lastResult } }] }
    const { out } = await gitwake(['status', 'shop'], environment)
    assert.match(out, /failed +Deployment\/shop\/api: Pod api-1: CrashLoopBackOff\n +\| starting\n +\| no \S*table\n/)
    assert.ok(!out.includes('\u001b'))
  })

  test('status says why an application is not well, also where the last commit did not concern it', async () => {
    const object = { group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'api' }
    const unhealthy = [{ object, status: 'failed', message: 'CrashLoopBackOff' }]
    const lastResult = { ...RESULT, outcome: 'not affected', health: { status: 'failed', objects: [] } }
    answers = { 'GET /api/applications/shop': [{ status: 200, body: { ...status, health: 'failed', unhealthy, lastResult } }] }
    const { out } = await gitwake(['status', 'shop'], environment)
    assert.match(out, /\nunhealthy\n +failed +Deployment\/shop\/api: CrashLoopBackOff\n/)
  })

  test('status exits 1 where something is held', async () => {
    answers = { 'GET /api/applications': [{ status: 200, body: { applications: [{ ...status, sync: 'held' }] } }] }
    assert.equal((await gitwake(['status'], environment)).code, 1)
  })

  describe('plan', () => {
    const report = samplePlan({
      application: 'shop',
      changes: [
        sampleChange({
          diff: [
            { field: 'spec.replicas', op: 'change', before: 2, after: 3 },
            { field: 'data[app.conf]', op: 'change', lines: [' a', '-b', '+\u001b[31mc'] },
          ],
          moreFields: 2,
        }),
        sampleChange({ action: 'held', reason: 'too many' }),
      ],
      warnings: ['Deployment/shop/api: v1beta1 is deprecated'],
      held: { reason: '7 of 8 objects would be pruned', fix: 'Confirm it.', digest: '0123456789abcdef' },
    })
    const path = 'GET /api/applications/shop/plan?'

    test('shows what would change and how to confirm it, and exits 2', async () => {
      const later = { status: 202, body: { since: 17, location: '/api/…' } }
      answers = { [`${path}wait`]: [later], [`${path}since=17&wait`]: [later, { status: 200, body: report }] }
      const { code, out } = await gitwake(['plan', 'shop'], environment)
      assert.equal(code, 2)
      assert.match(out, /^shop changes at 4f2a91c0 \(the head of the configured ref\) against prod: 1 configured, 11 unchanged$/m)
      assert.match(out, /^ {2}~ configured Deployment\/shop\/api: .*\n {6}~ spec\.replicas: 2 → 3\n {6}~ data\[app\.conf\]:\n/m)
      assert.match(out, /^ {10} a\n {10}-b\n {10}\+c\n {6}and 2 more fields$/m)
      assert.match(out, /gitwake sync shop --confirm 0123456789abcdef/)
      assert.match(out, /^ {2}warning .*deprecated$/m)
      assert.ok(!out.includes('\u001b'))
    })

    test('says what to do once, however many objects it is about', async () => {
      const fix = 'Remove it from one of the two.'
      const refused = sampleChange({ action: 'failed', reason: 'owned by application other', fix })
      const problem = { code: 'refused', message: 'm', fix, retryable: false }
      answers = { [`${path}wait`]: [{ status: 200, body: samplePlan({ outcome: 'refused', changes: [refused, refused], problem }) }] }
      const { out } = await gitwake(['plan', 'shop'], environment)
      assert.equal(out.split('owned by application other').length - 1, 2)
      assert.equal(out.split(fix).length - 1, 1, out)
    })

    test('asks for another branch, a commit or a pull request', async () => {
      const sha = 'a'.repeat(40)
      for (const [parameters, query] of [
        [['--ref', 'topic'], 'ref=refs%2Fheads%2Ftopic'],
        [['--revision', sha], `revision=${sha}`],
        [['--pull', '7'], 'pull=7'],
      ] as const) {
        answers = { [`${path}${query}&wait`]: [{ status: 200, body: samplePlan({ outcome: 'unchanged', changes: [] }) }] }
        assert.equal((await gitwake(['plan', 'shop', ...parameters], environment)).code, 0, query)
      }
    })

    test('prints JSON', async () => {
      answers = { [`${path}wait`]: [{ status: 200, body: report }] }
      assert.deepEqual(JSON.parse((await gitwake(['plan', 'shop', '-o', 'json'], environment)).out), JSON.parse(JSON.stringify(report)))
    })

    test('exits 1 where there is no plan, where it is refused, and for a wrong usage, which must not look like changes', async () => {
      const problem = { code: 'bad-yaml', message: 'a.yaml: line 3: not YAML', fix: 'Correct it.', retryable: false }
      answers = { [`${path}wait`]: [{ status: 422, body: { error: problem, ...samplePlan({ outcome: 'failed', problem }) } }] }
      const failed = await gitwake(['plan', 'shop'], environment)
      assert.deepEqual([failed.code, failed.err], [1, 'a.yaml: line 3: not YAML\n→ Correct it.\n'])
      answers = { [`${path}wait`]: [{ status: 200, body: samplePlan({ outcome: 'refused' }) }] }
      assert.equal((await gitwake(['plan', 'shop'], environment)).code, 1)
      for (const parameters of [
        ['plan'],
        ['plan', 'shop', '--ref', 'a..b'],
        ['plan', 'shop', '--pull', '7', '--ref', 'x'],
        ['plan', 'shop', '--nope'],
      ])
        assert.equal((await gitwake(parameters, environment)).code, 1, parameters.join(' '))
      answers = { [`${path}wait`]: [{ status: 202, body: { since: 1 } }] }
      assert.equal((await gitwake(['plan', 'shop', '--wait', '0'], environment)).code, 1)
    })
  })

  test('history lists results', async () => {
    answers = { 'GET /api/applications/shop/history?limit=5': [{ status: 200, body: { results: [RESULT] } }] }
    assert.match((await gitwake(['history', 'shop', '--limit', '5'], environment)).out, /aaaaaaaa +manual +synced +1 configured +Synced\./)
  })

  test('an unknown application is told', async () => {
    answers = {}
    for (const parameters of [
      ['status', 'nope'],
      ['history', 'nope'],
      ['sync', 'nope'],
    ]) {
      const { code, err } = await gitwake(parameters, environment)
      assert.equal(code, 1)
      assert.match(err, /There is no application "nope"/)
    }
  })

  test('who looks for an application that has just left the configuration is told where it comes up', async () => {
    answers = {}
    for (const verb of ['detach', 'delete'])
      assert.match((await gitwake([verb, 'gone'], environment)).err, /no application "gone".*\n.*"gitwake orphans".*next sweep/)
  })

  test('orphans says what becomes of each, and why one on its way out is still there', async () => {
    const orphan = { cluster: 'prod', objects: 2, deletionPolicy: 'orphan', since: 0 }
    const problem = { message: 'still being deleted: ConfigMap/shop/a (it waits for its finalizers (example.org/hold))', fix: 'Wait.' }
    const list = [
      { ...orphan, application: 'left' },
      { ...orphan, application: 'going', departure: 'delete', problem },
      { ...orphan, application: 'kept', departure: 'detach' },
      { ...orphan, application: 'policy', deletionPolicy: 'prune' },
    ]
    answers = { 'GET /api/orphans': [{ status: 200, body: { orphans: list } }] }
    const { code, out } = await gitwake(['orphans'], environment)
    assert.equal(code, 1)
    for (const [name, becomes] of [
      ['left', 'stays'],
      ['going', 'being deleted'],
      ['kept', 'being detached'],
      ['policy', 'being deleted'],
    ])
      assert.match(out, new RegExp(`^${name} .* ${becomes} `, 'm'))
    assert.match(out, /^going on prod: still being deleted: ConfigMap\/shop\/a .*example\.org\/hold\)\)\n {2}→ Wait\.$/m)
  })

  const ticket = { application: 'shop', cluster: 'prod', wanted: 3 }
  const accepted = { status: 202, body: { ticket } }
  const waits = [
    { name: 'done', answer: { status: 200, body: { ticket, ...RESULT } }, code: 0 },
    { name: 'failed', answer: { status: 422, body: { error: { message: 'm' }, ...RESULT, outcome: 'failed' } }, code: 1 },
    { name: 'held', answer: { status: 409, body: { error: { message: 'm' }, ...RESULT, outcome: 'held', plan: 'abc' } }, code: 1 },
  ]
  for (const { name, answer, code } of waits) {
    test(`sync --wait goes on waiting across requests and exits ${code} when it is ${name}`, async () => {
      const late = { status: 504, body: { error: { message: 'not yet' }, ticket } }
      answers = { 'POST /api/applications/shop/sync': [accepted], 'GET /api/applications/shop/tickets/3?wait': [late, answer] }
      const ran = await gitwake(['sync', 'shop', '--wait', '5m'], environment)
      assert.equal(ran.code, code)
      assert.match(ran.out, new RegExp(`^shop ${name === 'done' ? 'synced' : name}`))
      if (name === 'held') assert.match(ran.out, /gitwake sync shop --confirm abc/)
    })
  }

  test('a deletion that is held is confirmed as a deletion', async () => {
    const fix = 'Confirm exactly this plan: gitwake delete shop --confirm abc.'
    const held = { ...RESULT, outcome: 'held', plan: 'abc', problem: { code: 'held', message: 'm', fix, retryable: false } }
    answers = {
      'POST /api/applications/shop/delete': [accepted],
      'GET /api/orphans/prod/shop/tickets/3?wait': [{ status: 409, body: { error: { message: 'm' }, ticket, ...held } }],
    }
    const { code, out } = await gitwake(['delete', 'shop', '--wait'], environment)
    assert.equal(code, 1)
    assert.deepEqual(out.match(/gitwake \w+ shop --confirm abc/g), ['gitwake delete shop --confirm abc'])
  })

  test('sync gives the ticket, and confirms a plan', async () => {
    answers = { 'POST /api/applications/shop/sync?confirm=a%2Fb': [accepted] }
    assert.deepEqual(await gitwake(['sync', 'shop', '--confirm', 'a/b'], environment).then(({ code, out }) => [code, out]), [
      0,
      'shop: ticket 3 on cluster prod\n',
    ])
  })

  test('rollback says how to do it in Git too, unless it is refused', async () => {
    const undoing = { status: 202, body: { ticket, commands: ['git revert --no-edit a..b'] } }
    const path = '/api/applications/shop/tickets/3?wait'
    for (const [status, said] of [
      [200, true],
      [422, false],
    ] as const) {
      const outcome = status === 200 ? 'synced' : 'failed'
      answers = {
        'POST /api/applications/shop/rollback?by=ada&to=a': [undoing],
        [`GET ${path}`]: [{ status, body: { ticket, ...RESULT, outcome } }],
      }
      const { err } = await gitwake(['rollback', 'shop', '--to', 'a', '--by', 'ada', '--wait'], environment)
      assert.equal(err.includes('git revert --no-edit a..b'), said, err)
    }
    const { err } = await gitwake(['rollback', 'shop', '--to', 'a', '--by', 'ada'], environment)
    assert.match(err, /^Git still has the bad commit\..*\n {2}git revert --no-edit a\.\.b\n$/)
  })

  test('sync --wait exits 3 when the time is over, and names the time that was asked for', async () => {
    answers = {
      'POST /api/applications/shop/sync': [accepted],
      'GET /api/applications/shop/tickets/3?wait': [
        { status: 504, body: { error: { message: 'shop was not done within 1ms.', reasons: ['It goes on.'], fix: 'Wait.' } } },
      ],
    }
    const { code, err } = await gitwake(['sync', 'shop', '--wait', '5ms'], environment)
    assert.deepEqual([code, err], [3, 'shop was not done within 5ms.\nIt goes on.\nWait.\n'])
  })

  test('a wrong or missing token is told with what to set', async () => {
    const { GITWAKE_URL } = environment
    assert.match((await gitwake(['status'], { GITWAKE_URL })).err, /wants a token.*\n.*GITWAKE_API_TOKEN/)
    assert.match((await gitwake(['status'], { GITWAKE_URL, GITWAKE_API_TOKEN: 'another-token' })).err, /does not accept the token/)
  })

  test('a token that lacks a right is told so, in the words of the server', async () => {
    const error = { code: 'forbidden', message: 'shop-ci has no right to operate (shop).', fix: 'Its Token document must allow it.' }
    answers = { 'POST /api/applications/shop/sync': [{ status: 403, body: { error } }] }
    const { code, err } = await gitwake(['sync', 'shop'], environment)
    assert.deepEqual([code, err], [1, `gitwake: ${error.message}\n  → ${error.fix}\n`])
  })

  test('a server that is not there is told with what to do', async () => {
    const { code, err } = await gitwake(['status'], { GITWAKE_URL: 'http://127.0.0.1:1' })
    assert.equal(code, 1)
    assert.match(err, /No gitwake answers at http:\/\/127\.0\.0\.1:1/)
  })

  for (const command of ['status', 'orphans']) {
    test(`${command} takes an address where nothing is listed for a wrong GITWAKE_URL, never for an empty list`, async () => {
      answers = {}
      const { code, out, err } = await gitwake([command], { ...environment, GITWAKE_URL: `${environment['GITWAKE_URL']}/prefix` })
      assert.deepEqual([code, out], [1, ''])
      assert.match(err, /\/prefix \(status 404\) is not the API of gitwake\.\n.*GITWAKE_URL/)
    })
  }
})
