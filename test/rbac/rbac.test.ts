import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { runCli } from '../../src/cli.ts'
import { createDestination } from '../../src/cluster/destination.ts'
import { isJsonObject, parseJson, type Json } from '../../src/model/json.ts'
import type { Manifest } from '../../src/model/object.ts'
import { builtInKind, isBuiltInGroup } from '../../src/rbac/built-in-kinds.ts'
import type { Rule } from '../../src/rbac/rules.ts'
import { sweep } from '../../src/sync/sweep.ts'
import { until } from '../queue/until.ts'
import { watchOf } from '../roles/watching.ts'
import type { AuditEvent } from '../support/audit-log.ts'
import { createTempFolder, type TempFolder } from '../support/temp-folder.ts'
import { depart } from '../sync/departing.ts'
import { openWorkbench, type Subject, type Workbench } from '../sync/workbench.ts'
import { applyRoles, neverRun, printRoles, type PrintRequest } from './printed.ts'

const MERGE = { contentType: 'application/merge-patch+json' }
const NO_AUDIT = { from: 0, to: 0, intervalMs: 0 }
const signal = (): AbortSignal => AbortSignal.timeout(20_000)

describe('the roles that gitwake rbac prints', { timeout: 180_000 }, () => {
  let bench: Workbench
  let folder: TempFolder
  let group: string

  before(async () => {
    bench = await openWorkbench()
    folder = await createTempFolder('gitwake-rbac-')
    group = `${bench.inventoryNamespace}.example.org`
    await bench.api('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
      metadata: { name: `widgets.${group}` },
      spec: {
        group,
        scope: 'Namespaced',
        names: { kind: 'Widget', plural: 'widgets' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          },
        ],
      },
    })
    await until(async () => (await bench.api('GET', `/apis/${group}/v1/widgets`, undefined, { mayFail: true }))['kind'] === 'WidgetList')
    await bench.api('POST', '/api/v1/namespaces', { metadata: { name: bench.inventoryNamespace } })
  })
  after(async () => {
    await bench.close()
    await folder.remove()
  })

  const printed = (
    app: Subject,
    worker: string,
    options: Pick<PrintRequest, 'files' | 'namespaces' | 'healthTimeout'>,
  ): ReturnType<typeof printRoles> =>
    printRoles({ namespace: app.namespace, url: app.repository.url, worker, inventoryNamespace: bench.inventoryNamespace, ...options })

  /** Sync, failed health, adoption, sweep, watch, repair, prune and detach as that worker; what it was refused, and everything that it was granted and did not use. */
  async function wholeJob(worker: string, namespaces?: readonly string[]): Promise<void> {
    const app = await bench.subject({})
    const confined = namespaces === undefined ? undefined : [app.namespace, ...namespaces]
    for (const name of confined ?? []) await bench.api('POST', '/api/v1/namespaces', { metadata: { name } })
    await bench.api('POST', `/api/v1/namespaces/${bench.inventoryNamespace}/serviceaccounts`, { metadata: { name: worker } })
    const files = { 'keep.json': map('keep'), 'a.json': map('a'), 'web.json': deployment('web'), 'widget.json': widget('widget') }
    const { documents } = await printed(app, worker, { files, ...(confined && { namespaces: confined }) })
    await applyRoles(bench, documents)

    const user = `system:serviceaccount:${bench.inventoryNamespace}:${worker}`
    const connection = await bench.connectAs({ namespace: bench.inventoryNamespace, name: worker }, confined)
    const destination = createDestination(connection, { inventoryNamespace: bench.inventoryNamespace, holder: worker, version: 'test' })
    const since = await bench.audit.position()
    await app.repository.commit(files)
    const made = await app.sync({ destination, policy: { healthTimeoutMs: 30_000, podLogs: true } })
    assert.equal(made.health.status, 'failed', JSON.stringify(made))

    const core = `/api/v1/namespaces/${app.namespace}`
    await bench.api('POST', `${core}/configmaps`, { metadata: { name: 'a2' } })
    await bench.api('POST', `/apis/apps/v1/namespaces/${app.namespace}/deployments`, parsed(deployment('web2')))
    await bench.api('POST', `/apis/${group}/v1/namespaces/${app.namespace}/widgets`, parsed(widget('widget2')))
    await app.repository.commit({ 'a2.json': map('a2'), 'web2.json': deployment('web2'), 'widget2.json': widget('widget2') })
    const adopted = await app.sync({ destination })
    assert.equal(adopted.changes.filter(({ action }) => action === 'adopted').length, 3, adopted.message)

    const { kinds, unlistable } = await sweep(
      destination,
      { inventoryNamespace: bench.inventoryNamespace, installation: 'gitwake' },
      NO_AUDIT,
      signal(),
    )
    assert.equal(unlistable.size, 0)
    const told: string[] = []
    const watch = watchOf(bench, app, (deviations) => void told.push(...deviations.map(({ object }) => object.name)))
    watch.follow(destination, kinds)
    await until(() => watch.isLive())
    await bench.api('PATCH', `${core}/configmaps/a`, { data: { x: 'edited' } }, MERGE)
    await until(() => told.includes('a'))
    watch.close()
    await app.sync({ destination, reason: 'drift' })

    await app.repository.commit({ 'a.json': null, 'web.json': null, 'widget.json': null })
    const pruned = await app.sync({ destination })
    assert.equal(pruned.changes.filter(({ action }) => action === 'pruned').length, 3, pruned.message)
    const detached = await depart(bench, app, 'detach', { destination })
    assert.equal(detached.outcome, 'synced', detached.message)

    const granted = grantsOf(documents)
    let events: readonly AuditEvent[] = []
    // A watch is told when it has ended.
    await until(async () => {
      events = await bench.audit.read({ user }, since)
      return events.filter(({ verb }) => verb === 'watch').length >= kinds.length
    })
    const refused = events.filter(({ responseStatus }) => responseStatus?.code === 403)
    assert.deepEqual(
      refused.map(({ verb, requestURI }) => `${verb} ${requestURI}`),
      [],
    )
    const used = new Set(events.flatMap(usesOf))
    assert.deepEqual(
      [...granted].filter((grant) => !used.has(grant)),
      [],
      'granted, but never used',
    )
  }

  it('suffice for the whole job in a cluster, with nothing to spare', () => wholeJob(`worker-${bench.inventoryNamespace}`))

  it('suffice for it in namespaces alone, with nothing to spare', () => wholeJob(`confined-${bench.inventoryNamespace}`, []))

  it('grant every kind where no folder is named, and say so', async () => {
    const app = await bench.subject({})
    const { documents, text } = await printed(app, 'all', {})
    assert.match(text, /^# Every kind is granted: name the folders/m)
    const [observe, apply] = documents.filter(({ kind }) => kind === 'ClusterRole')
    assert.deepEqual(observe?.['rules'], [{ apiGroups: ['*'], resources: ['*'], verbs: ['get', 'list', 'watch'] }])
    assert.deepEqual(apply?.['rules'], [{ apiGroups: ['*'], resources: ['*'], verbs: ['create', 'patch', 'delete'] }])
  })

  it('grant a look at the Pods of hooks also where no health is waited for, and of nothing else then', async () => {
    const app = await bench.subject({})
    const job = (annotations: object): string =>
      JSON.stringify({ apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'migrate', annotations } })
    const pods = async (file: string): Promise<readonly string[]> => {
      const { documents } = await printed(app, 'hooks', { healthTimeout: '0s', files: { 'job.json': file, 'web.json': deployment('web') } })
      return [...grantsOf(documents)].filter((grant) => grant.includes(' pods') || grant.includes('replicasets')).sort()
    }
    assert.deepEqual(await pods(job({ 'gitwake.dev/hook': 'pre-sync' })), ['get  pods/log', 'list  pods'])
    assert.deepEqual(await pods(job({})), [])
  })

  it('need one cluster that is known, and a subject that can be one', async () => {
    const configuration = join(folder.path, 'two.yaml')
    const clusters = ['one', 'two'].map((name) => ({
      apiVersion: 'gitwake.dev/v1',
      kind: 'Cluster',
      metadata: { name },
      spec: { inCluster: true },
    }))
    await writeFile(configuration, clusters.map((document) => JSON.stringify(document)).join('\n---\n'))
    const run = async (...parameters: readonly string[]): Promise<string> => {
      let err = ''
      const terminal = { out: () => assert.fail('nothing to print'), err: (part: string) => void (err += part), colour: false }
      const roles = { start: neverRun, serve: neverRun, work: neverRun }
      const code = await runCli({ parameters: ['rbac', ...parameters], environment: { GITWAKE_CONFIG: configuration }, terminal, roles })
      assert.notEqual(code, 0)
      return err
    }
    assert.match(await run(), /more than one cluster[^]*→ Name one with --cluster: one, two\./)
    assert.match(await run('--cluster', 'three'), /no cluster three/)
    assert.match(await run('--subject', 'worker'), /must be namespace\/name/)
  })

  it('leave out what a confined cluster refuses, and say so', async () => {
    const app = await bench.subject({})
    const role = JSON.stringify({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'x' }, rules: [] })
    const namespaces = [app.namespace, bench.inventoryNamespace]
    const { documents, text } = await printed(app, 'out', { namespaces, files: { 'role.json': role, 'a.json': map('a') } })
    assert.match(text, /^# Left out, for the cluster is confined to namespaces: ClusterRole\.$/m)
    assert.match(text, /^# The folders contain roles or bindings/m)
    assert.deepEqual([...new Set(documents.map(({ kind }) => kind))], ['Role', 'RoleBinding'])
    assert.doesNotMatch(JSON.stringify(documents), /clusterroles/)
  })

  it('name built-in kinds as the API server does', async () => {
    const served = await bench.destination.catalog({ refresh: false }, signal())
    const names = [...new Set((await Promise.all(['/api', '/apis'].map(servedKinds))).flat())]
    const known = names.flatMap((name) => served.preferred({ group: name.split('/')[0] ?? '', kind: name.split('/')[1] ?? '' }) ?? [])
    const patched = known.filter(({ group: of, verbs }) => isBuiltInGroup(of) && verbs.includes('patch'))
    assert.ok(patched.length > 30, String(patched.length))
    for (const { group: of, kind, resource, namespaced } of patched)
      assert.deepEqual(builtInKind({ group: of, kind }), { group: of, resource, namespaced }, kind)
  })

  /** `group/kind` of everything that is served. */
  async function servedKinds(path: string): Promise<readonly string[]> {
    const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'
    const { text } = await bench.connection.request({ method: 'GET', path, accept, signal: signal() })
    const { items } = JSON.parse(text) as Discovery
    return items.flatMap(({ metadata, versions }) =>
      versions.flatMap(({ resources }) => resources.map(({ responseKind }) => `${metadata.name ?? ''}/${responseKind.kind}`)),
    )
  }

  function widget(name: string): string {
    return JSON.stringify({ apiVersion: `${group}/v1`, kind: 'Widget', metadata: { name }, spec: { size: 1 } })
  }
})

/** As much of apidiscovery.k8s.io/v2 as the test reads. */
interface Discovery {
  readonly items: readonly {
    readonly metadata: { readonly name?: string }
    readonly versions: readonly { readonly resources: readonly { readonly responseKind: { readonly kind: string } }[] }[]
  }[]
}

/** `verb group resource` of everything that roles grant. */
function grantsOf(documents: readonly Manifest[]): ReadonlySet<string> {
  const rules = documents.flatMap((document) => (Array.isArray(document['rules']) ? (document['rules'] as Rule[]) : []))
  return new Set(
    rules.flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) => resources.flatMap((resource) => verbs.map((verb) => `${verb} ${group} ${resource}`))),
    ),
  )
}

/** What one request makes use of: an apply that creates needs both verbs. */
function usesOf({ verb, objectRef, responseStatus }: AuditEvent): readonly string[] {
  const { apiGroup = '', resource = '', subresource } = objectRef ?? {}
  const name = subresource === undefined ? resource : `${resource}/${subresource}`
  const verbs = verb === 'patch' && responseStatus?.code === 201 ? ['patch', 'create'] : [verb]
  return verbs.flatMap((used) => [`${used} ${apiGroup} ${name}`, `${used} ${apiGroup} *`])
}

function map(name: string): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { x: '1' } })
}

function deployment(name: string): string {
  const labels = { app: name }
  const template = { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'crash-loop:1' }] } }
  const spec = { replicas: 1, selector: { matchLabels: labels }, template }
  return JSON.stringify({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name }, spec })
}

function parsed(text: string): Json & object {
  const value = parseJson(text)
  assert.ok(isJsonObject(value))
  return value
}
