import { loadConfiguration } from '../config/load.ts'
import type { Cluster, Configuration } from '../model/configuration.ts'
import { GitwakeError } from '../model/error.ts'
import { groupOf, type RenderedObject } from '../model/object.ts'
import { builtInKind, type GrantedKind } from '../rbac/built-in-kinds.ts'
import { kindsOf } from '../rbac/kinds.ts'
import { rolesFor, type RolesRequest } from '../rbac/roles.ts'
import { EVERYTHING } from '../rbac/rules.ts'
import { jsonList, yamlDocuments } from './output.ts'
import { renderFolder, type Programs } from './render.ts'
import type { Terminal } from './terminal.ts'

/** `gitwake rbac`: the roles that the configuration needs in one cluster, ready for `kubectl apply -f -`. */
export async function rbac(
  terminal: Terminal,
  options: {
    readonly configurationPath: string
    /** May be left out where there is only one. */
    readonly cluster: string | undefined
    readonly subject: RolesRequest['subject']
    /** Folders with what the applications contain; every kind is granted where there are none. */
    readonly folders: readonly string[]
    readonly inventoryNamespace: string
    readonly installation: string
    readonly output: 'yaml' | 'json'
    readonly programs: Programs
  },
  signal: AbortSignal,
): Promise<number> {
  const configuration = await loadConfiguration(options.configurationPath)
  const cluster = clusterOf(configuration, options.cluster)
  const applications = [...configuration.applications.values()].filter(({ destination }) => destination.cluster === cluster.name)
  const rendered: RenderedObject[] = []
  for (const folder of options.folders) rendered.push(...(await renderFolder(folder, options.programs, signal)).objects)
  const kinds = options.folders.length === 0 ? EVERYTHING : kindsOf(rendered)
  const roles = rolesFor({ ...options, cluster, applications, kinds })
  const notes = notesOn(cluster, options.subject, kinds, rendered)
  if (options.output === 'json') terminal.err(notes.map((note) => `note: ${note}\n`).join(''))
  else terminal.out(notes.map((note) => `# ${note}\n`).join(''))
  terminal.out(options.output === 'json' ? jsonList(roles) : yamlDocuments(roles))
  return 0
}

function clusterOf({ clusters }: Configuration, name: string | undefined): Cluster {
  const [only, ...others] = clusters.values()
  const found = name === undefined ? (others.length === 0 ? only : undefined) : clusters.get(name)
  if (found !== undefined) return found
  const message = name === undefined ? 'the configuration has more than one cluster, or none' : `the configuration has no cluster ${name}`
  throw new GitwakeError('unknown-cluster', message, { fix: `Name one with --cluster: ${[...clusters.keys()].join(', ')}.` })
}

/** What whoever applies the roles should know of them. */
function notesOn(
  { name, namespaces }: Cluster,
  subject: RolesRequest['subject'],
  kinds: readonly GrantedKind[],
  rendered: readonly RenderedObject[],
): readonly string[] {
  const notes = [`What gitwake needs in cluster ${name}, for ServiceAccount ${subject.name} in ${subject.namespace}, which must exist.`]
  if (kinds === EVERYTHING)
    notes.push('Every kind is granted: name the folders of the applications (--path) to grant only what they contain.')
  const unknown = kinds.filter(({ group, resource }) => resource === '*' && group !== '*').map(({ group }) => group)
  if (unknown.length > 0) notes.push(`The definitions are not in these folders, so the whole group is granted: ${unknown.join(', ')}.`)
  if (rendered.some(({ manifest }) => groupOf(manifest.apiVersion) === 'rbac.authorization.k8s.io'))
    notes.push(
      'The folders contain roles or bindings: to apply them, the worker needs whatever they grant, too, which is not granted here.',
    )
  const outside = namespaces === undefined ? [] : rendered.filter(({ manifest }) => isClusterScoped(manifest))
  if (outside.length > 0)
    notes.push(
      `Left out, for the cluster is confined to namespaces: ${[...new Set(outside.map(({ manifest }) => manifest.kind))].join(', ')}.`,
    )
  return notes
}

function isClusterScoped({ apiVersion, kind }: RenderedObject['manifest']): boolean {
  return builtInKind({ group: groupOf(apiVersion), kind })?.namespaced === false
}
