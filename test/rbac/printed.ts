import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { loadAll } from 'js-yaml'
import { runCli } from '../../src/cli.ts'
import type { Manifest } from '../../src/model/object.ts'
import { createTempFolder } from '../support/temp-folder.ts'
import type { Workbench } from '../sync/workbench.ts'

const APPLY = { contentType: 'application/apply-patch+yaml', manager: 'admin' }

/** One application in one cluster, and the worker that `gitwake rbac` is asked about. */
export interface PrintRequest {
  /** Of the application. */
  readonly namespace: string
  readonly url: string
  /** In whose name the application is written, where that is not the worker. */
  readonly serviceAccount?: string
  /** The worker's ServiceAccount in the inventory namespace, and the name of its installation. */
  readonly worker: string
  readonly inventoryNamespace: string
  /** To which the cluster is confined. */
  readonly namespaces?: readonly string[]
  /** What the application contains; without any, no folder is named. */
  readonly files?: Readonly<Record<string, string>>
  /** As it is written in the configuration. */
  readonly healthTimeout?: string
}

/** Runs the program with a configuration of one application; the documents that it prints, and its comments. */
export async function printRoles(request: PrintRequest): Promise<{ readonly documents: readonly Manifest[]; readonly text: string }> {
  const { namespace, serviceAccount, worker, inventoryNamespace, namespaces, files = {}, healthTimeout } = request
  const folder = await createTempFolder('gitwake-roles-')
  const manifests = await createTempFolder('gitwake-manifests-')
  const configuration = join(folder.path, 'gitwake.yaml')
  const common = { apiVersion: 'gitwake.dev/v1', metadata: { name: namespace } }
  const written = serviceAccount === undefined ? {} : { serviceAccount, createNamespace: false }
  const documents = [
    { ...common, kind: 'Repository', spec: { url: request.url, allowInsecure: true } },
    { ...common, kind: 'Cluster', spec: { kubeconfigFrom: { file: '/none' }, ...(namespaces && { namespaces }) } },
    {
      ...common,
      kind: 'Application',
      spec: {
        source: { repository: namespace, ref: 'main' },
        destination: { cluster: namespace, namespace, ...written },
        ...(healthTimeout !== undefined && { sync: { healthTimeout } }),
      },
    },
  ]
  await writeFile(configuration, documents.map((document) => JSON.stringify(document)).join('\n---\n'))
  for (const [name, text] of Object.entries(files)) await writeFile(join(manifests.path, name), text)
  let text = ''
  const code = await runCli({
    parameters: [
      'rbac',
      '--subject',
      `${inventoryNamespace}/${worker}`,
      ...(Object.keys(files).length > 0 ? ['--path', manifests.path] : []),
    ],
    environment: { GITWAKE_CONFIG: configuration, GITWAKE_INVENTORY_NAMESPACE: inventoryNamespace, GITWAKE_INSTALL: worker },
    terminal: { out: (part) => void (text += part), err: (part) => assert.fail(part), colour: false },
    roles: { start: neverRun, serve: neverRun, work: neverRun },
  })
  await Promise.all([folder.remove(), manifests.remove()])
  assert.equal(code, 0)
  return { documents: loadAll(text) as Manifest[], text }
}

/** `kubectl apply` of what was printed, as the admin. */
export async function applyRoles(bench: Workbench, documents: readonly Manifest[]): Promise<void> {
  for (const document of documents) {
    const { apiVersion, kind, metadata } = document
    const root = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`
    const place = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`
    await bench.api('PATCH', `${root}${place}/${kind.toLowerCase()}s/${metadata.name}`, document, APPLY)
  }
}

export function neverRun(): Promise<number> {
  return Promise.reject(new Error('not in this test'))
}
