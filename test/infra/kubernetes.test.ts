import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { request } from 'node:https'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { loadConfiguration } from '../../src/config/load.ts'
import { stringifyJson, type Json } from '../../src/model/json.ts'
import { displayName, objectIdOf, type Manifest } from '../../src/model/object.ts'
import { openControlPlane, type OpenControlPlane } from '../support/shared-control-plane.ts'
import { FOLDER, NAMESPACE, podOf, renderedInfra, workloadsOf } from './rendered.ts'

/** The kinds of the kustomization, as the API server names their collections. */
const COLLECTIONS: Readonly<Record<string, { readonly plural: string; readonly namespaced: boolean }>> = {
  Namespace: { plural: 'namespaces', namespaced: false },
  ServiceAccount: { plural: 'serviceaccounts', namespaced: true },
  ClusterRole: { plural: 'clusterroles', namespaced: false },
  ClusterRoleBinding: { plural: 'clusterrolebindings', namespaced: false },
  ConfigMap: { plural: 'configmaps', namespaced: true },
  Service: { plural: 'services', namespaced: true },
  Deployment: { plural: 'deployments', namespaced: true },
  StatefulSet: { plural: 'statefulsets', namespaced: true },
  NetworkPolicy: { plural: 'networkpolicies', namespaced: true },
}

describe('infra/kubernetes', () => {
  let manifests: readonly Manifest[] = []
  let cluster: OpenControlPlane
  let ca: Buffer
  before(async () => {
    manifests = await renderedInfra()
    cluster = await openControlPlane()
    ca = await readFile(cluster.caFile)
  })
  after(() => cluster?.close())

  const send = (
    method: string,
    path: string,
    body?: Json,
  ): Promise<{ readonly status: number; readonly text: string; readonly warnings: string }> =>
    new Promise((resolve, reject) => {
      const headers = {
        authorization: `Bearer ${cluster.token}`,
        'content-type': method === 'PATCH' ? 'application/apply-patch+yaml' : 'application/json',
      }
      const sent = request(new URL(path, cluster.server), { method, headers, ca, timeout: 30_000 }, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text, warnings: String(response.headers['warning'] ?? '') }))
      })
      sent.on('error', reject)
      sent.end(body === undefined ? undefined : stringifyJson(body))
    })
  const apply = (manifest: Manifest, dryRun: boolean) => {
    const { plural, namespaced } = COLLECTIONS[manifest.kind] ?? assert.fail(`the test does not know ${manifest.kind}`)
    const root = manifest.apiVersion.includes('/') ? `/apis/${manifest.apiVersion}` : `/api/${manifest.apiVersion}`
    const folder = namespaced ? `${root}/namespaces/${manifest.metadata.namespace ?? assert.fail('no namespace')}` : root
    return send(
      'PATCH',
      `${folder}/${plural}/${manifest.metadata.name}?fieldManager=gitwake&fieldValidation=Strict${dryRun ? '&dryRun=All' : ''}`,
      manifest,
    )
  }
  const named = (kind: string, name: string): Manifest =>
    manifests.find((one) => one.kind === kind && one.metadata.name === name) ?? assert.fail(`there is no ${kind} ${name}`)

  test('is accepted by a real API server, strictly and without a warning', async () => {
    for (const first of [named('Namespace', NAMESPACE), named('ServiceAccount', 'gitwake-work')])
      assert.ok((await apply(first, false)).status < 300)
    for (const manifest of manifests) {
      const { status, text, warnings } = await apply(manifest, true)
      assert.ok(status === 200 || status === 201, `${displayName(objectIdOf(manifest))}: ${text}`)
      assert.equal(warnings, '', displayName(objectIdOf(manifest)))
    }
  })

  test('makes Pods that the restricted security standard lets in', async () => {
    const deadline = Date.now() + 20_000
    while ((await send('GET', `/api/v1/namespaces/${NAMESPACE}/serviceaccounts/default`)).status !== 200) {
      assert.ok(Date.now() < deadline, 'the namespace got no default service account')
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    const workloads = workloadsOf(manifests)
    assert.equal(workloads.length, 3)
    for (const workload of workloads) {
      const pod = podOf(workload)
      const { status, text } = await send('POST', `/api/v1/namespaces/${NAMESPACE}/pods?dryRun=All&fieldValidation=Strict`, pod)
      assert.equal(status, 201, `${workload.metadata.name}: ${text}`)
    }
  })

  test('gives the receiver no credentials of the cluster, and the worker no more than a deployer needs', async () => {
    const text = stringifyJson(podOf(named('Deployment', 'gitwake-serve')))
    assert.match(text, /"automountServiceAccountToken":false/)
    assert.doesNotMatch(text, /serviceAccountName/)
    const role = stringifyJson(named('ClusterRole', 'gitwake-work'))
    assert.doesNotMatch(role, /impersonate|escalate|"bind"|deletecollection|nonResourceURLs/)
  })

  test('carries an example configuration that is valid', async () => {
    const configuration = await loadConfiguration(join(FOLDER, 'gitwake.yaml'))
    assert.equal(configuration.applications.size, 1)
  })

  test('holds no secret', () => {
    assert.ok(manifests.every(({ kind }) => kind !== 'Secret'))
  })
})
