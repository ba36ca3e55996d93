import type { Application, CurrentConfiguration } from '../model/configuration.ts'
import type { Log } from '../model/log.ts'
import type { Redis } from '../model/redis.ts'
import { GitwakeError } from '../model/error.ts'
import { windowsFor } from '../plan/windows.ts'
import type { HeadHistory } from '../queue/heads.ts'
import type { Destination, Renderer, Source } from '../sync/ports.ts'
import type { ProposePorts } from '../sync/propose.ts'
import type { FindApplication } from './apply-sets.ts'
import type { Destinations } from './destinations.ts'

/** What every sync and plan of a worker share. */
export interface SyncContext {
  readonly cluster: string
  readonly configuration: CurrentConfiguration
  readonly redis: Redis
  readonly heads: HeadHistory
  readonly source: Source
  readonly renderer: Renderer
  readonly destinations: Destinations
  readonly installation: string
  readonly inventoryNamespace: string
  readonly log: Log
}

/** What a sync and a plan need of this worker. */
export function proposePorts(
  {
    renderer,
    installation,
    inventoryNamespace,
    findApplication,
  }: Pick<SyncContext, 'installation' | 'inventoryNamespace' | 'renderer'> & { readonly findApplication: FindApplication },
  application: Application,
  destination: Destination,
): ProposePorts {
  return {
    renderer,
    destination: actingFor(application, destination),
    install: installation,
    inventoryNamespace,
    applicationOf: (applySet) => findApplication(applySet)?.name,
  }
}

/** The application as configured now, with its repository and its cluster. */
export function resolveApplication(name: string, { configuration }: SyncContext) {
  const { applications, repositories, clusters } = configuration()
  const application = applications.get(name)
  const repository = repositories.get(application?.source.repository ?? '')
  const destination = clusters.get(application?.destination.cluster ?? '')
  if (application === undefined || repository === undefined || destination === undefined) {
    throw new GitwakeError('unknown-application', `the configuration has no application ${name} any more`, {
      fix: 'Nothing to do, if it was removed on purpose.',
    })
  }
  return { application, repository, destination, windows: windowsFor(application, destination) }
}

/** The destination as an application may write to it. */
function actingFor({ destination: { namespace, serviceAccount } }: Application, destination: Destination): Destination {
  return serviceAccount === undefined ? destination : destination.as({ namespace, name: serviceAccount })
}
