import { whyOutside, type Observation } from '../model/observation.ts'
import type { ObjectId } from '../model/object.ts'

/** Why an object that Git wants is not for this worker, and what helps; undefined where it is. */
export function refusalOutside(
  observation: Pick<Observation, 'namespaces'>,
  object: ObjectId,
): { readonly reason: string; readonly fix: string } | undefined {
  const outside = whyOutside(observation, object)
  if (outside === undefined) return undefined
  return {
    reason: `refused: ${outside}`,
    fix: 'Bring it by other means and remove it from the application, or widen spec.namespaces of the Cluster (without it the whole cluster is looked after).',
  }
}
