import { join } from 'node:path'
import { stringifyJson, type JsonObject } from '../../src/model/json.ts'
import type { Manifest } from '../../src/model/object.ts'
import { openLocalTree } from '../../src/render/local.ts'
import { createRenderer } from '../../src/render/renderer.ts'
import { ensureKustomize } from '../support/build.ts'
import { checkoutRoot } from '../support/checkout.ts'

/** The namespace that the kustomization names. */
export const NAMESPACE = 'gitwake-system'
export const FOLDER = join(checkoutRoot, 'infra', 'kubernetes')

/** The objects of infra/kubernetes, rendered as a worker would. */
export async function renderedInfra(): Promise<readonly Manifest[]> {
  const signal = AbortSignal.timeout(120_000)
  const { tree, path } = await openLocalTree(FOLDER)
  const renderer = createRenderer({ kustomizePath: await ensureKustomize(() => undefined, signal) })
  const application = {
    name: 'gitwake',
    source: { repository: 'gitwake', ref: 'refs/heads/main', path },
    destination: { cluster: 'here', namespace: NAMESPACE, createNamespace: true },
    sync: { prune: true, selfHeal: true, partial: false, preflight: true, undeclared: 'report', healthTimeoutMs: 0 },
    dependsOn: [],
  } as const
  const { objects } = await renderer.render(tree, await renderer.inputs(tree, application, signal), signal)
  return objects.map(({ manifest }) => manifest)
}

/** Deployments and StatefulSets: what makes Pods there. */
export function workloadsOf(manifests: readonly Manifest[]): readonly Manifest[] {
  return manifests.filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet')
}

/** The Pod that a workload's controller would make, with the volumes that a StatefulSet would claim. */
export function podOf(workload: Manifest): JsonObject {
  const text = stringifyJson(workload)
  const { template, volumeClaimTemplates = [] } = JSON.parse(text).spec
  const claimed = volumeClaimTemplates.map((claim: Manifest) => ({ name: claim.metadata.name, emptyDir: {} }))
  const spec = { ...template.spec, volumes: [...(template.spec.volumes ?? []), ...claimed] }
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: `test-${workload.metadata.name}`, ...template.metadata }, spec }
}
