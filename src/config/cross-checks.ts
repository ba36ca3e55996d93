import type { Application, Cluster, Repository } from '../model/configuration.ts'
import { suggestion } from '../model/nearest.ts'
import type { Finding } from './explain.ts'

export interface Named {
  readonly repositories: ReadonlyMap<string, Repository>
  readonly clusters: ReadonlyMap<string, Cluster>
  readonly applications: ReadonlyMap<string, Application>
}

/** A problem that shows only when all documents are known, by the application it is told to; `missing` is the document that is not there. */
export type CrossFinding = Finding & { readonly application: string; readonly missing?: string }

/** Names that do not exist, applications that would own the same objects, and dependencies that wait for each other. */
export function crossCheck(all: Named): readonly CrossFinding[] {
  return [
    ...[...all.applications.values()].flatMap((application) => unknownNames(application, all)),
    ...[...all.applications.values()].flatMap((application) => outOfReach(application, all.clusters)),
    ...twins(all.applications),
    ...cycles(all.applications),
    ...renamings(all.applications),
  ]
}

function unknownNames(application: Application, all: Named): readonly CrossFinding[] {
  const findings: CrossFinding[] = []
  const need = (path: string, kind: string, name: string, known: ReadonlyMap<string, unknown>): void => {
    if (known.has(name)) return
    const message = `there is no ${kind} "${name}"${suggestion(name, known.keys())}`
    findings.push({ application: application.name, path, message, missing: `${kind} ${name}` })
  }
  need('spec.source.repository', 'Repository', application.source.repository, all.repositories)
  need('spec.destination.cluster', 'Cluster', application.destination.cluster, all.clusters)
  application.dependsOn.forEach((name, index) => need(`spec.dependsOn[${index}]`, 'Application', name, all.applications))
  return findings
}

function outOfReach({ name, destination }: Application, clusters: Named['clusters']): readonly CrossFinding[] {
  const { namespaces } = clusters.get(destination.cluster) ?? {}
  if (namespaces === undefined || namespaces.includes(destination.namespace)) return []
  const message = `must be one of the namespaces of Cluster ${destination.cluster} (${namespaces.join(', ')}), not ${destination.namespace}: correct it, or add it to spec.namespaces there`
  return [{ application: name, path: 'spec.destination.namespace', message }]
}

function twins(applications: ReadonlyMap<string, Application>): readonly CrossFinding[] {
  const seen = new Map<string, string>()
  const findings: CrossFinding[] = []
  for (const { name, source, destination } of applications.values()) {
    const key = JSON.stringify([source.repository, source.ref, source.path, destination.cluster, destination.namespace])
    const twin = seen.get(key)
    if (twin === undefined) seen.set(key, name)
    else
      findings.push({
        application: name,
        path: 'spec',
        message: `has the same source and destination as ${twin}: both would own the same objects`,
      })
  }
  return findings
}

/** What an application owned under its former name goes to one other, and only once nobody has that name any more. */
function renamings(applications: ReadonlyMap<string, Application>): readonly CrossFinding[] {
  const heirs = new Map<string, string>()
  return [...applications.values()].flatMap(({ name, renamedFrom: former }) => {
    if (former === undefined) return []
    const heir = heirs.get(former)
    heirs.set(former, heir ?? name)
    const message = whyNoRenaming(name, former, heir, applications)
    return message === undefined ? [] : [{ application: name, path: 'spec.renamedFrom', message }]
  })
}

function whyNoRenaming(
  name: string,
  former: string,
  heir: string | undefined,
  applications: ReadonlyMap<string, Application>,
): string | undefined {
  if (former === name) return 'is its own name: give the name that it had before, or remove the line'
  const back = applications.get(former)?.renamedFrom === name ? ', which in turn says that it was this one' : ''
  if (applications.has(former)) return `names ${former}, which is still configured${back}: remove that document, or this line`
  return heir === undefined
    ? undefined
    : `names ${former}, which ${heir} takes over already: only one application can be ${former} under a new name`
}

/** Each circle is told once, at its first application by name. */
function cycles(applications: ReadonlyMap<string, Application>): readonly CrossFinding[] {
  const findings: CrossFinding[] = []
  const done = new Set<string>()
  for (const start of [...applications.keys()].sort()) {
    const circle = circleFrom(start, applications, done)
    if (circle !== undefined)
      findings.push({ application: start, path: 'spec.dependsOn', message: `waits for itself: ${circle.join(' → ')}` })
  }
  return findings
}

/** Walks the dependencies without recursion (a chain may be long) until it meets a name that is still open. */
function circleFrom(start: string, applications: ReadonlyMap<string, Application>, done: Set<string>): readonly string[] | undefined {
  if (done.has(start)) return undefined
  const path: string[] = [start]
  const pending: string[][] = [[...(applications.get(start)?.dependsOn ?? [])]]
  let circle: readonly string[] | undefined
  while (path.length > 0) {
    const next = pending.at(-1)?.pop()
    if (next === undefined) {
      done.add(path.pop() ?? '')
      pending.pop()
    } else if (path.includes(next)) circle ??= [...path.slice(path.indexOf(next)), next]
    else if (!done.has(next) && applications.has(next)) {
      path.push(next)
      pending.push([...(applications.get(next)?.dependsOn ?? [])])
    }
  }
  return circle
}
