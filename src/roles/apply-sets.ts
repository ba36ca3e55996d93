import type { Application, Configuration, CurrentConfiguration } from '../model/configuration.ts'
import { applySetId } from '../model/names.ts'

/** Finds the application behind an ApplySet id; undefined where the configuration, as it is now, has none. */
export type FindApplication = (applySet: string) => Application | undefined

/** A watch asks for every object that moves: the ids are computed once for each configuration. */
export function createFindApplication(configuration: CurrentConfiguration, inventoryNamespace: string): FindApplication {
  let known: { readonly of: Configuration; readonly applications: ReadonlyMap<string, Application> } | undefined
  return (applySet) => {
    const current = configuration()
    if (known?.of !== current) {
      const applications = [...current.applications.values()]
      known = { of: current, applications: new Map(applications.map((one) => [applySetId(one.name, inventoryNamespace), one])) }
    }
    return known.applications.get(applySet)
  }
}
