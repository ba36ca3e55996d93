import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { after, before, test, type TestContext } from 'node:test'
import { connectCluster, type ClusterConnection } from '../../src/cluster/connect.ts'
import { discover } from '../../src/cluster/discover.ts'
import { waitForHealth } from '../../src/cluster/wait.ts'
import { parseJson } from '../../src/model/json.ts'
import type { KindCatalog } from '../../src/model/kinds.ts'
import type { ObjectId } from '../../src/model/object.ts'
import type { HealthReport } from '../../src/sync/ports.ts'
import { startControlPlane, type ControlPlane } from '../support/control-plane.ts'
import { clusterOf, silent } from './api-server.ts'

let plane: ControlPlane
let connection: ClusterConnection
let catalog: KindCatalog
const signal = new AbortController().signal
const never = (): Promise<boolean> => Promise.resolve(false)

before(async () => {
  plane = await startControlPlane({ log: () => undefined })
  const resolveSecret = (): Promise<string> => readFile(plane.kubeconfig, 'utf8')
  connection = await connectCluster(clusterOf(plane.kubeconfig), { resolveSecret, log: silent })
  catalog = await discover(connection, signal)
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
  readonly spec: object
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

function wait(where: Place, objects: readonly ObjectId[], more: Partial<Parameters<typeof waitForHealth>[0]> = {}): Promise<HealthReport> {
  return waitForHealth({ connection, catalog, objects, applySet: where.applySet, timeoutMs: 60_000, signal, superseded: never, ...more })
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

test('a wait leaves no watch behind', async () => {
  const open = new Set<string>()
  do {
    open.clear()
    const log = await readFile(plane.auditLog, 'utf8')
    for (const line of log.split('\n').filter((text) => text.includes('"verb":"watch"') && text.includes('applyset'))) {
      const event = parseJson(line) as { readonly auditID: string; readonly stage: string }
      if (event.stage === 'ResponseComplete') open.delete(event.auditID)
      else if (event.stage === 'ResponseStarted') open.add(event.auditID)
    }
    await delay(50)
  } while (open.size > 0)
})
