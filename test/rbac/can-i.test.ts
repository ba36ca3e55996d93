import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import type { ClusterConnection } from '../../src/cluster/connect.ts'
import { impersonating } from '../../src/cluster/impersonate.ts'
import type { JsonObject } from '../../src/model/json.ts'
import type { Manifest } from '../../src/model/object.ts'
import { NAMESPACE as INFRA, podOf, renderedInfra, workloadsOf } from '../infra/rendered.ts'
import { until } from '../queue/until.ts'
import { holdsEqual } from '../support/generated.ts'
import { openWorkbench, type Workbench } from '../sync/workbench.ts'
import { binding, may, rightsOf } from './asking.ts'
import { table } from './can-i-list.ts'
import { applyRoles, printRoles, type PrintRequest } from './printed.ts'

const RBAC = 'rbac.authorization.k8s.io'
/** Not where anything of ours is: what is granted here is granted in every namespace. */
const ELSEWHERE = 'kube-system'
/** Nobody that gitwake makes may do this, wherever and to whatever: with each of these, more can be had than was granted. */
const NEVER = [
  { verb: 'impersonate', resource: 'users' },
  { verb: 'impersonate', resource: 'groups' },
  { verb: 'impersonate', resource: 'serviceaccounts', namespace: ELSEWHERE },
  { verb: 'escalate', group: RBAC, resource: 'clusterroles' },
  { verb: 'bind', group: RBAC, resource: 'clusterroles' },
  { verb: 'approve', group: 'certificates.k8s.io', resource: 'signers' },
  { verb: 'sign', group: 'certificates.k8s.io', resource: 'signers' },
  { verb: 'deletecollection', resource: 'secrets', namespace: ELSEWHERE },
]
const FILES = {
  'map.json': JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' } }),
  'web.json': JSON.stringify({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' } }),
}

/** Somebody who asks the API server for itself. */
interface Identity {
  readonly title: string
  /** Where inventories are, or would be. */
  readonly home: string
  readonly connection: ClusterConnection
}

describe('what the API server lets each identity do', { timeout: 180_000 }, () => {
  const id = randomUUID().slice(0, 8)
  const shop = `shop-${id}`
  let bench: Workbench
  let identities: readonly Identity[] = []
  let baseline: readonly string[] = []
  let pods: readonly { readonly name: string; readonly account: string; readonly tokens: number }[] = []

  before(async () => {
    bench = await openWorkbench()
    for (const name of [shop, bench.inventoryNamespace]) await bench.api('POST', '/api/v1/namespaces', { metadata: { name } })
    const infra = await renderedInfra()
    await applyRoles(bench, infra.filter(isIdentity))
    pods = await podsOf(infra)
    const printed = [
      await worker('gitwake rbac, where no folder is named', 'every', {}),
      await worker('gitwake rbac --path, in a whole cluster', 'whole', { files: FILES }),
      await worker('gitwake rbac --path, confined to namespaces', 'confined', { files: FILES, namespaces: [shop] }),
      await worker('gitwake rbac --path, in the name of a service account: the worker itself', 'named', {
        files: FILES,
        serviceAccount: 'deployer',
      }),
    ]
    await makeDeployer()
    await allSeen()
    const named = printed.at(-1)?.connection ?? assert.fail('no worker')
    identities = [
      ...(await Promise.all(
        pods.map(async ({ name, account, tokens }) => ({
          title: `infra/kubernetes: ${name}, ${tokens > 0 ? 'with the token' : 'without a token, even if it had that'} of ${account}`,
          home: INFRA,
          connection: await bench.connectAs({ namespace: INFRA, name: account }),
        })),
      )),
      ...printed,
      {
        title:
          'gitwake rbac --path, in the name of a service account: the worker where it writes, as an account that was granted ConfigMaps',
        home: bench.inventoryNamespace,
        connection: impersonating(named, { namespace: shop, name: 'deployer' }),
      },
      {
        title: 'that service account itself',
        home: bench.inventoryNamespace,
        connection: await bench.connectAs({ namespace: shop, name: 'deployer' }),
      },
    ]
    baseline = await rights(await bench.connectAs(await account('nobody')), ELSEWHERE)
  })
  after(() => bench.close())

  it('is what the committed list says, no more and no less', async () => {
    const parts = [`# What every ServiceAccount may\n\n${table(baseline)}`]
    for (const { title, home, connection } of identities) {
      const everywhere = await rights(connection, ELSEWHERE)
      assert.deepEqual(
        baseline.filter((row) => !everywhere.includes(row)).map((row) => row.split(' ')[0]),
        [],
        `${title} lacks, or has in another form, what every ServiceAccount may`,
      )
      parts.push(`# ${title}\n\nIn every namespace, beyond that:\n\n${table(without(everywhere, baseline))}`)
      for (const [namespace, name] of [
        [shop, 'that of the application'],
        [home, 'that of the inventories'],
      ] as const) {
        const here = without(await rights(connection, namespace), everywhere)
        if (here.length > 0) parts.push(`In ${name}, beyond that:\n\n${table(here)}`)
      }
    }
    const head = 'Written by test/rbac/can-i.test.ts from the answers of an API server, in the form of `kubectl auth can-i --list`.\n'
    await holdsEqual('test/rbac/can-i.txt', () => [head, ...parts].join('\n'))
  })

  it('is nothing for the receiver and for Redis, which get no token either', async () => {
    const others = pods.filter(({ name }) => name !== 'gitwake-work')
    assert.deepEqual(others.map(({ name }) => name).sort(), ['gitwake-redis', 'gitwake-serve'])
    for (const { name, account: of, tokens } of others) {
      assert.equal(tokens, 0, `${name} gets a token`)
      const connection = await bench.connectAs({ namespace: INFRA, name: of })
      for (const namespace of [INFRA, ELSEWHERE, shop]) assert.deepEqual(without(await rights(connection, namespace), baseline), [], name)
    }
  })

  it('is never to become somebody else, to grant more than it has, or to delete by the collection', async () => {
    for (const { title, connection } of identities)
      for (const resourceAttributes of NEVER)
        assert.equal(await may(connection, resourceAttributes), false, `${title}: ${JSON.stringify(resourceAttributes)}`)
  })

  it('is to act in the name of the configured service account, and of no other of its namespace', async () => {
    const { connection } = identities.find(({ title }) => title.endsWith('the worker itself')) ?? assert.fail('no such worker')
    const impersonate = (name: string) => ({ verb: 'impersonate', resource: 'serviceaccounts', namespace: shop, name })
    assert.equal(await may(connection, impersonate('deployer')), true)
    assert.equal(await may(connection, impersonate('default')), false)
  })

  /** Makes a ServiceAccount of this test in the inventory namespace. */
  async function account(name: string): Promise<{ readonly namespace: string; readonly name: string }> {
    await bench.api('POST', `/api/v1/namespaces/${bench.inventoryNamespace}/serviceaccounts`, { metadata: { name } })
    return { namespace: bench.inventoryNamespace, name }
  }

  /** A worker with exactly the rights that are printed for it. */
  async function worker(
    title: string,
    kind: string,
    options: Pick<PrintRequest, 'files' | 'namespaces' | 'serviceAccount'>,
  ): Promise<Identity> {
    const { name, namespace } = await account(`${kind}-${id}`)
    const url = 'https://git.example.org/shop.git'
    const { documents } = await printRoles({ namespace: shop, url, worker: name, inventoryNamespace: namespace, ...options })
    await applyRoles(bench, documents)
    return { title, home: namespace, connection: await bench.connectAs({ namespace, name }, options.namespaces) }
  }

  /** As docs/guides/access.md has it: account and rights come from whoever grants them. */
  async function makeDeployer(): Promise<void> {
    await bench.api('POST', `/api/v1/namespaces/${shop}/serviceaccounts`, { metadata: { name: 'deployer' } })
    const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['create', 'patch', 'delete'] }]
    await applyRoles(bench, binding('Role', { name: 'deployer', namespace: shop }, rules, { name: 'deployer', namespace: shop }))
  }

  /** Roles and bindings reach the authorizer by four watches, each in the order of the writes: who sees the last of each has seen all. */
  async function allSeen(): Promise<void> {
    const last = await account('last')
    const named = { apiGroups: [''], resources: ['configmaps'], resourceNames: ['last'], verbs: ['get'] }
    await applyRoles(bench, binding('Role', { name: 'last', namespace: shop }, [named], last))
    await applyRoles(bench, binding('ClusterRole', { name: `last-${id}` }, [{ nonResourceURLs: ['/last'], verbs: ['get'] }], last))
    const connection = await bench.connectAs(last)
    await until(async () => {
      const rows = (await rights(connection, shop)).join('\n')
      return rows.includes('[last]') && rows.includes('[/last]')
    })
  }

  /** The names of this run are told as in the guides. */
  const rights = (connection: ClusterConnection, namespace: string): Promise<readonly string[]> =>
    rightsOf(connection, namespace, [
      [shop, 'shop'],
      [bench.inventoryNamespace, INFRA],
    ])

  /** Whom the API server makes each Pod of infra/kubernetes, and how many tokens it gives to it. */
  async function podsOf(infra: readonly Manifest[]): Promise<typeof pods> {
    const root = `/api/v1/namespaces/${INFRA}`
    const found = await Promise.all(
      workloadsOf(infra).map(async (workload) => {
        await until(
          async () =>
            (await bench.api('GET', `${root}/serviceaccounts/default`, undefined, { mayFail: true }))['kind'] === 'ServiceAccount',
        )
        const { spec } = (await bench.api('POST', `${root}/pods`, podOf(workload), { dryRun: true })) as { readonly spec?: PodSpec }
        const sources = spec?.volumes?.flatMap(({ projected }) => projected?.sources ?? []) ?? []
        const tokens = sources.filter(({ serviceAccountToken }) => serviceAccountToken !== undefined).length
        return { name: workload.metadata.name, account: spec?.serviceAccountName ?? assert.fail('no account'), tokens }
      }),
    )
    return found.sort((a, b) => (a.name < b.name ? -1 : 1))
  }
})

/** As much of a Pod as the test reads. */
interface PodSpec extends JsonObject {
  readonly serviceAccountName: string
  readonly volumes?: readonly { readonly projected?: { readonly sources: readonly { readonly serviceAccountToken?: JsonObject }[] } }[]
}

function isIdentity({ apiVersion, kind }: Manifest): boolean {
  return apiVersion.startsWith(RBAC) || kind === 'ServiceAccount' || kind === 'Namespace'
}

function without(rows: readonly string[], known: readonly string[]): readonly string[] {
  return rows.filter((row) => !known.includes(row))
}
