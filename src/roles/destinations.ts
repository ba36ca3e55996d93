import type { connectCluster, ClusterConnection, ConnectDependencies } from '../cluster/connect.ts'
import { createDestination, type DestinationOptions } from '../cluster/destination.ts'
import { createHealthRules } from '../health/rules.ts'
import type { Cluster } from '../model/configuration.ts'
import type { Destination } from '../sync/ports.ts'

/** Open connections to clusters, by configuration. */
export interface Destinations {
  /**
   * Works with a cluster. Connects on first use, and anew when the cluster's configuration has changed; what still works with the old
   * connection goes on with it to its end. Rejects where the credentials cannot be read; the next call tries again.
   */
  use<Value>(cluster: Cluster, work: (destination: Destination) => Promise<Value>): Promise<Value>
  /** Closes the connections to all other clusters, each once nobody works with it. */
  keepOnly(clusters: ReadonlyMap<string, unknown>): void
  close(): Promise<void>
}

interface Opened {
  readonly configured: string
  readonly connection: Promise<ClusterConnection>
  readonly destination: Promise<Destination>
  users: number
  retired: boolean
}

export function createDestinations(
  connect: typeof connectCluster,
  dependencies: ConnectDependencies,
  options: DestinationOptions,
): Destinations {
  const current = new Map<string, Opened>()
  const opened = new Set<Opened>()

  function open(cluster: Cluster, configured: string): Opened {
    const connection = connect(cluster, dependencies)
    const destination = Promise.all([connection, createHealthRules(cluster.health)]).then(([connected, healthRules]) =>
      createDestination(connected, { ...options, healthRules }),
    )
    const entry = { configured, connection, destination, users: 0, retired: false }
    opened.add(entry)
    destination.catch(() => {
      if (current.get(cluster.name) === entry) retire(cluster.name)
    })
    return entry
  }

  function entryOf(cluster: Cluster): Opened {
    const configured = JSON.stringify(cluster)
    const known = current.get(cluster.name)
    if (known?.configured === configured) return known
    retire(cluster.name)
    const entry = open(cluster, configured)
    current.set(cluster.name, entry)
    return entry
  }

  function retire(name: string): void {
    const entry = current.get(name)
    if (entry === undefined) return
    current.delete(name)
    entry.retired = true
    if (entry.users === 0) void end(entry)
  }

  async function end(entry: Opened): Promise<void> {
    opened.delete(entry)
    await entry.connection.then((connected) => connected.close()).catch(() => undefined)
  }

  return {
    async use(cluster, work) {
      const entry = entryOf(cluster)
      entry.users += 1
      try {
        return await work(await entry.destination)
      } finally {
        entry.users -= 1
        if (entry.retired && entry.users === 0) void end(entry)
      }
    },
    keepOnly(clusters) {
      for (const name of current.keys()) if (!clusters.has(name)) retire(name)
    },
    async close() {
      await Promise.all([...opened].map(end))
    },
  }
}
