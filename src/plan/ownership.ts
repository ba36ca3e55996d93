import { PART_OF_LABEL } from '../model/names.ts'
import { displayName } from '../model/object.ts'
import type { ObservedObject } from '../model/observation.ts'

/** May this application take over an object that it did not make? */
export type Claim =
  | { readonly verdict: 'adopt'; readonly reason: string }
  | { readonly verdict: 'refuse'; readonly reason: string; readonly fix: string }

/** `applicationOf` names the application behind an ApplySet id, where this installation knows it. */
export function claim(seen: ObservedObject, applySet: string, applicationOf: (applySet: string) => string | undefined): Claim {
  const owner = seen.labels[PART_OF_LABEL]
  const name = displayName(seen.object)
  if (owner !== undefined && owner !== applySet) {
    const application = applicationOf(owner)
    return {
      verdict: 'refuse',
      reason:
        application === undefined ? `${name} is owned by another ApplySet (${owner})` : `${name} is owned by application ${application}`,
      fix: `Remove it from one of the two, or remove the label ${PART_OF_LABEL} from the live object to hand it over.`,
    }
  }
  if (seen.controller !== undefined) {
    return {
      verdict: 'refuse',
      reason: `${name} is controlled by ${seen.controller}`,
      fix: 'Declare the controlling object instead, or give this one another name.',
    }
  }
  if (owner === applySet) return { verdict: 'adopt', reason: 'carries the label of this application but is missing from its inventory' }
  const tool = previousTool(seen)
  return { verdict: 'adopt', reason: tool === undefined ? 'exists already, made by nobody known' : `exists already, made by ${tool}` }
}

/** Who made an object, as far as the usual marks tell. */
function previousTool({ labels, annotations, managedFields }: ObservedObject): string | undefined {
  const flux = labels['kustomize.toolkit.fluxcd.io/name']
  if (flux !== undefined) return `Flux (Kustomization ${flux})`
  const helm = annotations['meta.helm.sh/release-name']
  if (helm !== undefined) return `Helm (release ${helm})`
  const argo = annotations['argocd.argoproj.io/tracking-id']
  if (argo !== undefined) return `Argo CD (${argo.split(':')[0]})`
  return managedFields.find((entry) => entry.subresource === '')?.manager
}
