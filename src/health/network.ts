import type { Health } from '../model/health.ts'
import type { LiveObject } from '../model/object.ts'
import { listAt, textAt } from './fields.ts'
import { current, inProgress } from './verdict.ts'

/**
 * As kstatus has it: what the API server itself gives must be there. The address of a load balancer comes from somebody who
 * may not exist in this cluster, so it is told but not waited for.
 */
export function serviceHealth(object: LiveObject): Health {
  if (textAt(object, 'spec', 'type') !== 'LoadBalancer') return current('The Service is ready')
  if (textAt(object, 'spec', 'clusterIP') === '') return inProgress('The Service has no cluster address yet')
  const [address] = listAt(object, 'status', 'loadBalancer', 'ingress')
  const shown = address === undefined ? '' : textAt(address, 'ip') || textAt(address, 'hostname')
  return current(shown === '' ? 'The Service is ready; its load balancer has no address yet' : `The Service is ready at ${shown}`)
}
