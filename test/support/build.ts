import { join } from 'node:path'
import { checkoutRoot, findOnPath, type Log } from './checkout.ts'
import { ensureGoProgram } from './go-program.ts'

const KUBERNETES_VERSION = '1.36.3'
const KUSTOMIZE_VERSION = '5.8.1' // the one inside kubectl 1.36

/** The program of test/cluster: etcd, kube-apiserver, controller manager, Pod runner and oracles in one file. */
export async function ensureControlPlaneProgram(log: Log, signal?: AbortSignal): Promise<string> {
  const [major = '', minor = ''] = KUBERNETES_VERSION.split('.')
  return ensureGoProgram(
    {
      name: 'control-plane',
      version: KUBERNETES_VERSION,
      moduleFolder: join(checkoutRoot, 'test', 'cluster'),
      package: '.',
      // Without them the server calls itself v0.0.0, which neither kubectl nor Helm can place.
      variables: {
        'k8s.io/component-base/version.gitVersion': `v${KUBERNETES_VERSION}`,
        'k8s.io/component-base/version.gitMajor': major,
        'k8s.io/component-base/version.gitMinor': minor,
        'k8s.io/component-base/version.gitTreeState': 'clean',
      },
    },
    log,
    signal,
  )
}

/** A kustomize program: the one on PATH, else built from its Go modules. */
export async function ensureKustomize(log: Log, signal?: AbortSignal): Promise<string> {
  return findOnPath('kustomize') ?? buildKustomize(log, signal)
}

async function buildKustomize(log: Log, signal?: AbortSignal): Promise<string> {
  return ensureGoProgram(
    {
      name: 'kustomize',
      version: KUSTOMIZE_VERSION,
      moduleFolder: join(checkoutRoot, 'test', 'cluster', 'kustomize'),
      package: 'sigs.k8s.io/kustomize/kustomize/v5',
      variables: { 'sigs.k8s.io/kustomize/api/provenance.version': `v${KUSTOMIZE_VERSION}` },
    },
    log,
    signal,
  )
}
