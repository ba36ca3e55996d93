import type { Application, Configuration } from './configuration.ts'

/** The application that goes on, in this cluster, with what another one owned under its former name. */
export function heirOf(former: string, cluster: string, { applications }: Pick<Configuration, 'applications'>): Application | undefined {
  return [...applications.values()].find(({ renamedFrom, destination }) => renamedFrom === former && destination.cluster === cluster)
}
