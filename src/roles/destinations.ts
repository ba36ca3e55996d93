import type { connectCluster, ClusterConnection, ConnectDependencies } from '../cluster/connect.ts'
import { createDestination, type DestinationOptions } from '../cluster/destination.ts'
import { createHealthRules } from '../health/rules.ts'
import type { Cluster } from '../model/configuration.ts'
import type { Destination } from '../sync/ports.ts'

/** Open connections to clusters, by configuration. */
export interface Destinations {
  /** Connects on first use, and anew when the cluster's configuration has changed. Rejects where its credentials cannot be read; the next call tries again. */
  of(cluster: Cluster): Promise<Destination>
  close(): Promise<void>
}

interface Opened {
  readonly configured: string
  readonly connection: Promise<ClusterConnection>
  readonly destination: Promise<Destination>
}

export function createDestinations(
  connect: typeof connectCluster,
  dependencies: ConnectDependencies,
  options: DestinationOptions,
): Destinations {
  const opened = new Map<string, Opened>()

  function open(cluster: Cluster, configured: string): Opened {
    const connection = connect(cluster, dependencies)
    const destination = Promise.all([connection, createHealthRules(cluster.health)]).then(([connected, healthRules]) =>
      createDestination(connected, { ...options, healthRules }),
    )
    const entry = { configured, connection, destination }
    destination.catch(() => {
      if (opened.get(cluster.name) === entry) opened.delete(cluster.name)
    })
    return entry
  }

  async function end({ connection }: Opened): Promise<void> {
    await connection.then((connected) => connected.close()).catch(() => undefined)
  }

  return {
    async of(cluster) {
      const configured = JSON.stringify(cluster)
      const known = opened.get(cluster.name)
      if (known?.configured === configured) return await known.destination
      if (known !== undefined) void end(known)
      const entry = open(cluster, configured)
      opened.set(cluster.name, entry)
      return await entry.destination
    },
    async close() {
      await Promise.all([...opened.values()].map(end))
    },
  }
}
