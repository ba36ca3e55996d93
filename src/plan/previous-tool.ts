import { isOurs, type ObservedObject } from '../model/observation.ts'

/** Who made an object before us, and how they are kept from writing or deleting it again. */
export interface PreviousTool {
  readonly name: string
  readonly letGo?: string
}

const OTHERWISE = 'Otherwise both write it, and it may be deleted there.'

/** As far as the usual marks tell: labels and annotations name what declared it, managers only the tool. */
export function previousTool({ labels, annotations, managedFields }: ObservedObject): PreviousTool | undefined {
  const kustomization = labels['kustomize.toolkit.fluxcd.io/name']
  if (kustomization !== undefined) return flux('Kustomization', kustomization, labels['kustomize.toolkit.fluxcd.io/namespace'])
  const release = labels['helm.toolkit.fluxcd.io/name']
  if (release !== undefined) return flux('HelmRelease', release, labels['helm.toolkit.fluxcd.io/namespace'])
  const helm = annotations['meta.helm.sh/release-name']
  if (helm !== undefined) return helmRelease(helm, annotations['meta.helm.sh/release-namespace'])
  const argo = annotations['argocd.argoproj.io/tracking-id']?.split(':')[0]
  if (argo !== undefined) return argoApplication(argo)
  // A controller that wrote to it since made nothing.
  if (managedFields.some(isOurs)) return { name: 'gitwake, and then let go (its label was taken away)' }
  const manager = managedFields.find((entry) => entry.subresource === '')?.manager
  if (manager === undefined) return undefined
  // Argo CD before version 3 tracks by a label that other tools use too.
  return manager.startsWith('argocd-') ? argoApplication(labels['app.kubernetes.io/instance']) : { name: manager }
}

function flux(kind: 'Kustomization' | 'HelmRelease', name: string, namespace: string | undefined): PreviousTool {
  const which = `${kind.toLowerCase()} ${name}${namespace === undefined ? '' : ` -n ${namespace}`}`
  return {
    name: `Flux (${kind} ${name})`,
    // What is deleted while it is suspended leaves its objects where they are.
    letGo: `Stop Flux first: flux suspend ${which}; then kubectl delete ${which} while it is suspended. ${OTHERWISE}`,
  }
}

function argoApplication(name: string | undefined): PreviousTool {
  const which = name ?? 'NAME'
  return {
    name: name === undefined ? 'Argo CD' : `Argo CD (${name})`,
    letGo: `Stop Argo CD first: argocd app set ${which} --sync-policy none; then argocd app delete ${which} --cascade=false. ${OTHERWISE}`,
  }
}

function helmRelease(name: string, namespace: string | undefined): PreviousTool {
  const where = namespace === undefined ? '' : ` -n ${namespace}`
  return {
    name: `Helm (release ${name})`,
    letGo: `Let Helm forget it: kubectl delete secret${where} -l owner=helm,name=${name}; helm uninstall would delete the object.`,
  }
}
