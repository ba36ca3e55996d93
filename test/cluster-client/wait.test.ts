import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { after, before, describe, test, type TestContext } from 'node:test'
import { connectCluster, type ClusterConnection } from '../../src/cluster/connect.ts'
import { discover } from '../../src/cluster/discover.ts'
import { createWaitForHealth, type WaitForHealth, type WaitOptions } from '../../src/cluster/wait.ts'
import { textAt } from '../../src/health/fields.ts'
import { BUILT_IN_RULES, createHealthRules } from '../../src/health/rules.ts'
import { parseJson, type Json } from '../../src/model/json.ts'
import type { KindCatalog } from '../../src/model/kinds.ts'
import { createMask } from '../../src/model/mask.ts'
import type { ObjectId } from '../../src/model/object.ts'
import type { HealthReport } from '../../src/sync/ports.ts'
import { openAuditLog } from '../support/audit-log.ts'
import { startControlPlane, type ControlPlane } from '../support/control-plane.ts'
import { clusterOf, silent } from './api-server.ts'

let plane: ControlPlane
let connection: ClusterConnection
let catalog: KindCatalog
let waitForHealth: WaitForHealth
const signal = new AbortController().signal
const never = (): Promise<boolean> => Promise.resolve(false)

before(async () => {
  plane = await startControlPlane({ log: () => undefined })
  const resolveSecret = (): Promise<string> => readFile(plane.kubeconfig, 'utf8')
  connection = await connectCluster(clusterOf(plane.kubeconfig), { resolveSecret, log: silent })
  catalog = await discover(connection, signal)
  waitForHealth = createWaitForHealth(connection, BUILT_IN_RULES)
})
after(async () => {
  await connection?.close()
  await plane?.stop()
})

let namespaces = 0
interface Place {
  readonly namespace: string
  readonly applySet: string
}

async function place(): Promise<Place> {
  const namespace = `wait-${++namespaces}`
  const body = JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
  assert.equal((await connection.request({ method: 'POST', path: '/api/v1/namespaces', body, signal })).status, 201)
  return { namespace, applySet: `applyset-${namespace}-v1` }
}

interface Applied {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly spec?: object
  readonly data?: object
}

async function apply({ namespace, applySet }: Place, path: string, object: Applied): Promise<string> {
  const metadata = { ...object.metadata, labels: { 'applyset.kubernetes.io/part-of': applySet } }
  const answer = await connection.request({
    method: 'PATCH',
    path: `${path.replace('NAMESPACE', namespace)}/${object.metadata.name}`,
    query: { fieldManager: 'gitwake', force: true },
    contentType: 'application/apply-patch+yaml',
    body: JSON.stringify({ ...object, metadata }),
    signal,
  })
  assert(answer.status < 300, answer.text)
  return answer.text
}

const DEPLOYMENTS = '/apis/apps/v1/namespaces/NAMESPACE/deployments'
const template = (name: string, image: string): object => ({
  metadata: { labels: { app: name } },
  spec: { containers: [{ name: 'main', image }] },
})
const deployment = (
  name: string,
  image: string,
  replicas = 2,
): { apiVersion: string; kind: string; metadata: { name: string }; spec: object } => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: { replicas, selector: { matchLabels: { app: name } }, template: template(name, image) },
})
const idOf = ({ namespace }: Place, kind: string, name: string, group = 'apps'): ObjectId => ({ group, kind, namespace, name })

function wait(where: Place, objects: readonly ObjectId[], more: Partial<WaitOptions> = {}): Promise<HealthReport> {
  return waitForHealth({ catalog, objects, applySet: where.applySet, timeoutMs: 60_000, signal, superseded: never, ...more })
}

const told = (report: HealthReport): string[] => report.objects.map(({ object, status, message }) => `${object.kind} ${status}: ${message}`)

test('a rollout is waited for until all of it is available', async () => {
  const here = await place()
  await apply(here, DEPLOYMENTS, deployment('api', 'good:1'))
  await apply(here, '/api/v1/namespaces/NAMESPACE/services', {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'api' },
    spec: { selector: { app: 'api' }, ports: [{ port: 80 }] },
  })
  const report = await wait(here, [idOf(here, 'Deployment', 'api'), idOf(here, 'Service', 'api', '')])
  assert.deepEqual([report.ended, report.status], ['settled', 'current'])
  assert.deepEqual(told(report), ['Deployment current: 2 replicas are available', 'Service current: The Service is ready'])
})

for (const [image, reason] of [
  ['crash-loop:1', 'CrashLoopBackOff'],
  ['image-missing:1', 'ImagePullBackOff|ErrImagePull'],
] as const) {
  test(`a rollout whose Pods cannot come up (${image}) fails long before its deadline, with the reason of a Pod`, async () => {
    const here = await place()
    await apply(here, DEPLOYMENTS, deployment('api', image))
    const report = await wait(here, [idOf(here, 'Deployment', 'api')])
    assert.deepEqual([report.ended, report.status], ['settled', 'failed'])
    assert.match(String(told(report)), new RegExp(`Pod api-\\S+: Container main: (${reason})`))
  })
}

test('a look without a wait, as sweeps take it, finds what a wait has found: a crash loop does not become progress again', async () => {
  const here = await place()
  const objects = [idOf(here, 'Deployment', 'api')]
  await apply(here, DEPLOYMENTS, deployment('api', 'crash-loop:1'))
  assert.equal((await wait(here, objects)).status, 'failed')
  const look = await wait(here, objects, { timeoutMs: 0 })
  assert.equal(look.status, 'failed', String(told(look)))
  assert.match(String(told(look)), /Pod api-\S+: Container main: CrashLoopBackOff/)
})

test('the failure of the commit before does not count against its fix', async () => {
  const here = await place()
  const objects = [idOf(here, 'Deployment', 'api')]
  await apply(here, DEPLOYMENTS, deployment('api', 'good:1'))
  assert.equal((await wait(here, objects)).status, 'current')
  await apply(here, DEPLOYMENTS, deployment('api', 'crash-loop:1'))
  assert.equal((await wait(here, objects)).status, 'failed')
  await apply(here, DEPLOYMENTS, deployment('api', 'good:2'))
  assert.deepEqual(told(await wait(here, objects)), ['Deployment current: 2 replicas are available'])
})

test('StatefulSets and DaemonSets fail by their Pods, too', async () => {
  for (const [kind, resource, spec] of [
    ['StatefulSet', 'statefulsets', { replicas: 1, serviceName: 'db' }],
    ['DaemonSet', 'daemonsets', {}],
  ] as const) {
    const here = await place()
    const whole = {
      ...spec,
      selector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['db', 'x'] }] },
      template: template('db', 'crash-loop:1'),
    }
    const object = { apiVersion: 'apps/v1', kind, metadata: { name: 'db' }, spec: whole }
    await apply(here, `/apis/apps/v1/namespaces/NAMESPACE/${resource}`, object)
    const report = await wait(here, [idOf(here, kind, 'db')])
    assert.equal(report.status, 'failed', String(told(report)))
    assert.match(String(told(report)), /Pod db-\S+: Container main: CrashLoopBackOff/)
  }
})

test('a rollout that never gets ready ends with the time, and says how far it came', async () => {
  const here = await place()
  await apply(here, DEPLOYMENTS, deployment('api', 'never-ready:1'))
  const report = await wait(here, [idOf(here, 'Deployment', 'api')], { timeoutMs: 3000 })
  assert.deepEqual([report.ended, report.status], ['timeout', 'in progress'])
  assert.deepEqual(told(report), ['Deployment in progress: 0 of 2 replicas are available'])
})

test('a rollout that has had its time fails at once, with what keeps its Pods from being ready', async () => {
  const here = await place()
  const { spec, ...rest } = deployment('api', 'never-ready:1')
  await apply(here, DEPLOYMENTS, { ...rest, spec: { ...spec, progressDeadlineSeconds: 1 } })
  const report = await wait(here, [idOf(here, 'Deployment', 'api')], { maskLog: (text) => text })
  assert.deepEqual([report.ended, report.status], ['settled', 'failed'])
  assert.match(
    String(told(report)),
    /ProgressDeadlineExceeded\): 0 of 2 replicas are available; Pod api-\S+: The Pod runs but is not ready yet/,
  )
  assert.notEqual(report.objects[0]?.log, undefined)
})

test('a newer commit ends the wait', async () => {
  const here = await place()
  await apply(here, DEPLOYMENTS, deployment('api', 'never-ready:1'))
  let asked = 0
  const report = await wait(here, [idOf(here, 'Deployment', 'api')], { superseded: () => Promise.resolve(++asked > 1) })
  assert.equal(report.ended, 'superseded')
})

test('an abort ends the wait with its own reason', async () => {
  const here = await place()
  await apply(here, DEPLOYMENTS, deployment('api', 'never-ready:1'))
  const abort = new AbortController()
  const reason = new Error('shutting down')
  const waiting = wait(here, [idOf(here, 'Deployment', 'api')], {
    signal: abort.signal,
    superseded: async () => (abort.abort(reason), false),
  })
  await assert.rejects(waiting, reason)
})

test('with no time to wait it looks once', async () => {
  const here = await place()
  await apply(here, DEPLOYMENTS, deployment('api', 'never-ready:1'))
  const report = await wait(here, [idOf(here, 'Deployment', 'api')], { timeoutMs: 0 })
  assert.deepEqual([report.ended, report.status], ['timeout', 'in progress'])
})

test('nothing to wait for is healthy at once', async () => {
  assert.deepEqual(await wait(await place(), []), { status: 'current', objects: [], ended: 'settled' })
})

test('what is not there, or of a kind that is not served, is told and not waited for', async () => {
  const here = await place()
  const report = await wait(here, [idOf(here, 'Deployment', 'none'), idOf(here, 'Widget', 'w', 'acme.example')])
  assert.deepEqual([report.ended, report.status], ['settled', 'unknown'])
  assert.deepEqual(told(report), [
    'Deployment unknown: It does not exist in the cluster',
    'Widget unknown: It cannot be read: the cluster does not serve this kind',
  ])
})

test('what is being replaced at the moment is looked for once more', async () => {
  const here = await place()
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'api' }, spec: { ports: [{ port: 80 }] } }
  const superseded = async (): Promise<boolean> => (await apply(here, '/api/v1/namespaces/NAMESPACE/services', service), false)
  const report = await wait(here, [idOf(here, 'Service', 'api', '')], { superseded })
  assert.deepEqual([report.ended, report.status], ['settled', 'current'])
})

test('a Job that fails is told', async () => {
  const here = await place()
  const spec = { backoffLimit: 0, template: { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'job-fail:1' }] } } }
  await apply(here, '/apis/batch/v1/namespaces/NAMESPACE/jobs', {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'migrate' },
    spec,
  })
  const failed = async (): Promise<boolean> => (await wait(here, [idOf(here, 'Job', 'migrate', 'batch')])).status === 'failed'
  // As kstatus has it a running Job is current; only then it fails.
  while (!(await failed()));
  assert.match(String(told(await wait(here, [idOf(here, 'Job', 'migrate', 'batch')]))), /The Job has failed: BackoffLimitExceeded/)
})

test('the wait outlives an API server that goes and comes back', async (t: TestContext) => {
  const here = await place()
  await apply(here, DEPLOYMENTS, deployment('api', 'never-ready:1'))
  let restarted = false
  const superseded = async (): Promise<boolean> => {
    if (restarted) return false
    restarted = true
    await plane.stopApiServer()
    await plane.startApiServer()
    await apply(here, DEPLOYMENTS, deployment('api', 'good:1'))
    return false
  }
  const report = await wait(here, [idOf(here, 'Deployment', 'api')], { superseded })
  assert.deepEqual(told(report), ['Deployment current: 2 replicas are available'])
  t.diagnostic(`ended ${report.ended}`)
})

/** Watches of a kind that the API server holds open, by its own count. */
async function openWatches(resource: string): Promise<number> {
  const { text } = await connection.request({ method: 'GET', path: '/metrics', accept: '*/*', signal })
  const lines = text.split('\n').filter((line) => line.startsWith('apiserver_longrunning_requests{') && line.includes('verb="WATCH"'))
  return lines.filter((line) => line.includes(`resource="${resource}"`)).reduce((sum, line) => sum + Number(line.split('} ')[1]), 0)
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await delay(50)
}

test('any number of waits shares one watch per kind, which ends with the last of them', async () => {
  const before = await openWatches('deployments')
  const audit = openAuditLog(plane.auditLog)
  const from = await audit.position()
  const abort = new AbortController()
  const stuck = await Promise.all(
    Array.from({ length: 15 }, async () => {
      const here = await place()
      await apply(here, DEPLOYMENTS, deployment('api', 'never-ready:1', 1))
      return here
    }),
  )
  const waits = stuck.map((here) => wait(here, [idOf(here, 'Deployment', 'api')], { signal: abort.signal }))
  const ended = Promise.allSettled(waits)
  await until(async () => (await openWatches('deployments')) > before)
  const [first, ...others] = stuck
  assert(first !== undefined)
  // Each change reaches its own wait.
  await apply(first, DEPLOYMENTS, deployment('api', 'good:1', 1))
  assert.deepEqual(told(await (waits[0] ?? assert.fail())), ['Deployment current: 1 replica is available'])
  assert.equal(await openWatches('deployments'), before + 1)
  const lists = await audit.read({ user: 'admin', verbs: ['list'], resource: 'deployments' }, from)
  assert(lists.length <= 2 * stuck.length, `${lists.length} LISTs`)
  assert.equal(others.length, 14)
  abort.abort()
  await ended
  await until(async () => (await openWatches('deployments')) === before)
})

describe('the last log lines of a container that fails', () => {
  const WRITTEN =
    'one\nconnecting to postgres://shop:hunter2hunter2@db\nlogged in with correct-horse-battery\n\u001b[31mfatal: no such table\u001b[0m'
  const maskLog = createMask(['correct-horse-battery'])
  const SHOWN = ['one', 'connecting to postgres://***@db', 'logged in with ***', 'fatal: no such table']
  const crashing = (image: string, env = [{ name: 'POD_RUNNER_LOG', value: WRITTEN }]): Applied => {
    const { spec, ...rest } = deployment('api', image, 1)
    const containers = [{ name: 'main', image, env }]
    return { ...rest, spec: { ...spec, template: { metadata: { labels: { app: 'api' } }, spec: { containers } } } }
  }

  test('are part of the report, secrets masked and colours gone', async () => {
    const here = await place()
    await apply(here, DEPLOYMENTS, crashing('crash-loop:1'))
    const report = await wait(here, [idOf(here, 'Deployment', 'api')], { maskLog })
    assert.match(String(told(report)), /Pod api-\S+: Container main: CrashLoopBackOff .*last exit code 1/)
    assert.deepEqual(report.objects[0]?.log, SHOWN)
  })

  test('are the last ones only', async () => {
    const here = await place()
    const value = Array.from({ length: 500 }, (_, index) => `${index} ${'x'.repeat(2000)}`).join('\n')
    await apply(here, DEPLOYMENTS, crashing('crash-loop:1', [{ name: 'POD_RUNNER_LOG', value }]))
    const { log = [] } = (await wait(here, [idOf(here, 'Deployment', 'api')], { maskLog })).objects[0] ?? assert.fail()
    assert.deepEqual([log.length, log.at(-1)?.slice(0, 5), (log.at(-1) ?? '').length <= 501], [10, '499 x', true])
  })

  test('are not read where they are not wanted, or never were written', async () => {
    const audit = openAuditLog(plane.auditLog)
    const from = await audit.position()
    const [unwanted, unwritten] = [await place(), await place()]
    await apply(unwanted, DEPLOYMENTS, crashing('crash-loop:1'))
    await apply(unwritten, DEPLOYMENTS, crashing('image-missing:1'))
    const reports = [
      await wait(unwanted, [idOf(unwanted, 'Deployment', 'api')]),
      await wait(unwritten, [idOf(unwritten, 'Deployment', 'api')], { maskLog }),
    ]
    for (const { status, objects } of reports) assert.deepEqual([status, objects[0]?.log], ['failed', undefined])
    const read = (await audit.read({ resource: 'pods' }, from)).filter(({ objectRef }) => objectRef?.subresource === 'log')
    assert.deepEqual(read, [])
  })

  test('come with a Job that has failed, too', async () => {
    const here = await place()
    const object = {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'migrate' },
      spec: { backoffLimit: 0, template: { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'job-fail:1' }] } } },
    }
    await apply(here, '/apis/batch/v1/namespaces/NAMESPACE/jobs', object)
    const objects = [idOf(here, 'Job', 'migrate', 'batch')]
    await until(async () => (await wait(here, objects, { timeoutMs: 0 })).status === 'failed')
    const report = await wait(here, objects, { maskLog })
    assert.match(String(told(report)), /The Job has failed: .*; Pod migrate-\S+: Container main: Error \(exit code 1\)/)
    assert.deepEqual(report.objects[0]?.log, ['starting job-fail:1', "fatal: main cannot go on, as its image's name tells"])
  })

  test('are left out where the worker may not read them', async () => {
    const here = await place()
    await apply(here, DEPLOYMENTS, crashing('crash-loop:1'))
    const restricted = await connectAs(here.namespace)
    const report = await createWaitForHealth(
      restricted,
      BUILT_IN_RULES,
    )({
      objects: [idOf(here, 'Deployment', 'api')],
      catalog,
      applySet: here.applySet,
      timeoutMs: 60_000,
      signal,
      superseded: never,
      maskLog,
    })
    await restricted.close()
    assert.match(String(told(report)), /CrashLoopBackOff/)
    assert.equal(report.objects[0]?.log, undefined)
  })

  /** A service account that may read everything that a wait needs, except logs. */
  async function connectAs(namespace: string): Promise<ClusterConnection> {
    const send = async (path: string, body: object): Promise<Json> => {
      const answer = await connection.request({ method: 'POST', path, body: JSON.stringify(body), signal })
      assert(answer.status < 300, answer.text)
      return parseJson(answer.text)
    }
    const rbac = '/apis/rbac.authorization.k8s.io/v1'
    const rules = [{ apiGroups: ['', 'apps'], resources: ['pods', 'deployments', 'replicasets'], verbs: ['get', 'list', 'watch'] }]
    await send(`/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name: 'worker' } })
    await send(`${rbac}/clusterroles`, { metadata: { name: namespace }, rules })
    await send(`${rbac}/clusterrolebindings`, {
      metadata: { name: namespace },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: namespace },
      subjects: [{ kind: 'ServiceAccount', name: 'worker', namespace }],
    })
    const token = textAt(await send(`/api/v1/namespaces/${namespace}/serviceaccounts/worker/token`, { spec: {} }), 'status', 'token')
    const kubeconfig = {
      clusters: [{ name: 'test', cluster: { server: plane.server, 'certificate-authority': plane.caFile } }],
      users: [{ name: 'worker', user: { token } }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'worker' } }],
      'current-context': 'test',
    }
    return await connectCluster(clusterOf(plane.kubeconfig), { resolveSecret: async () => JSON.stringify(kubeconfig), log: silent })
  }
})

test('an object that its expressions cannot judge yet is waited for', async () => {
  const here = await place()
  const applyData = (data: object): Promise<string> =>
    apply(here, '/api/v1/namespaces/NAMESPACE/configmaps', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'flag' }, data })
  await applyData({})
  const rules = await createHealthRules([{ group: '', kind: 'ConfigMap', current: "data.ready == 'yes'" }])
  const waiting = createWaitForHealth(
    connection,
    rules,
  )({
    objects: [idOf(here, 'ConfigMap', 'flag', '')],
    catalog,
    applySet: here.applySet,
    timeoutMs: 60_000,
    signal,
    superseded: async () => (await applyData({ ready: 'yes' }), false),
  })
  assert.deepEqual(told(await waiting), ['ConfigMap current: It is ready'])
})
