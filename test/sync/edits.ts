import fc from 'fast-check'
import { isJsonObject, type Json, type JsonObject } from '../../src/model/json.ts'
import { PART_OF_LABEL } from '../../src/model/names.ts'
import type { Manifest } from '../../src/model/object.ts'
import { SPECIMENS, type Mutation, type Specimen } from './specimens.ts'
import type { Workbench } from './workbench.ts'

/** One edit of a live object: a mutation in one of the ways to send it, or something that no mutation describes. */
export type Edit =
  | {
      readonly how: 'apply' | 'json' | 'merge' | 'put' | 'strategic'
      readonly mutation: Mutation
      readonly manager: string
      readonly value: string
    }
  | { readonly how: Special }

const SPECIAL = [
  'subresource',
  'unlabelled',
  'recreated',
  'terminating',
  'owner added',
  'managedFields wiped',
  'managedFields forged',
  'managedFields copied back',
  'applied in another version',
] as const
type Special = (typeof SPECIAL)[number]

/** A specimen and what happens to it. */
export interface Story {
  readonly specimen: Specimen
  readonly edits: readonly Edit[]
  toString(): string
}

/** People, controllers, other tools, and our own name in other hands. */
const MANAGERS = ['kubectl-edit', 'hpa', 'gitwake', 'argocd-controller']
const VALUES = ['1', 'new', 'another']
const WAYS = ['apply', 'json', 'merge', 'put', 'strategic'] as const

/** Every specimen, each edited once to three times. */
export const stories: fc.Arbitrary<Story> = fc
  .constantFrom(...SPECIMENS)
  .chain((specimen) => fc.record({ specimen: fc.constant(specimen), edits: fc.array(editsOf(specimen), { minLength: 1, maxLength: 3 }) }))
  .map(({ specimen, edits }) => ({ specimen, edits, toString: () => `${specimen.name}: ${edits.map(displayEdit).join('; ')}` }))

function editsOf(specimen: Specimen): fc.Arbitrary<Edit> {
  const mutated = fc.record({
    how: fc.constantFrom(...WAYS.filter((way) => way !== 'strategic' || specimen.isCustom !== true)),
    mutation: fc.constantFrom(...specimen.mutations),
    manager: fc.constantFrom(...MANAGERS),
    value: fc.constantFrom(...VALUES),
  })
  const special = fc.record({ how: fc.constantFrom(...SPECIAL) })
  return fc.oneof({ arbitrary: mutated, weight: 4 }, { arbitrary: special, weight: 1 })
}

function displayEdit(edit: Edit): string {
  return 'mutation' in edit ? `${edit.mutation.name} (${edit.value}) by ${edit.how} of ${edit.manager}` : edit.how
}

/** Carries out one edit. What the API server refuses has changed nothing, which is a story too. */
export async function carryOutEdit(edit: Edit, specimen: Specimen, manifest: Manifest, { api }: Workbench): Promise<void> {
  const path = specimen.path(manifest.metadata.name)
  const live = await api('GET', path, undefined, { mayFail: true })
  if (live.kind === 'Status') return
  if ('mutation' in edit) return await sendMutation(edit, path, manifest, live, api)
  const metadata = live.metadata as JsonObject
  const merge = async (body: object, at = path): Promise<void> =>
    void (await api('PATCH', at, body, { contentType: 'application/merge-patch+json', mayFail: true }))
  switch (edit.how) {
    case 'subresource':
      for (const [name, body] of Object.entries(specimen.subresources ?? {})) await merge(body, `${path}/${name}`)
      return
    case 'unlabelled':
      return await merge({ metadata: { labels: { [PART_OF_LABEL]: null } } })
    case 'recreated': {
      await api('DELETE', path, undefined, { mayFail: true })
      const { uid: _uid, resourceVersion: _version, ...kept } = metadata
      return void (await api('POST', path.replace(/\/[^/]+$/, ''), { ...live, metadata: kept }, { mayFail: true }))
    }
    case 'terminating':
      await merge({ metadata: { finalizers: ['example.org/hold'] } })
      return void (await api('DELETE', path, undefined, { mayFail: true }))
    case 'owner added':
      return await merge({ metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'n', uid: 'u' }] } })
    case 'managedFields wiped':
      return await merge({ metadata: { managedFields: [{}] } })
    case 'managedFields forged': {
      // Everything is ours, whoever it was before.
      const entries = (metadata.managedFields as readonly JsonObject[]).map((entry) => ({
        ...entry,
        manager: 'gitwake',
        operation: 'Apply',
      }))
      return await merge({ metadata: { managedFields: entries.slice(0, 1) } })
    }
    case 'managedFields copied back': {
      const [mutation] = specimen.mutations
      const changed = await api('PUT', path, mutation?.change(live, 'copied'), { mayFail: true })
      if (changed.kind !== 'Status') await merge({ metadata: { managedFields: metadata.managedFields } })
      return
    }
    case 'applied in another version': {
      const other = specimen.otherVersion
      if (other === undefined) return
      const body = { ...manifest, apiVersion: other }
      const at = path.replace(/\/v\d\//, `/${other.split('/').at(-1)}/`)
      return void (await api('PATCH', at, body, { ...APPLY, manager: 'gitwake', force: true, mayFail: true }))
    }
  }
}

const APPLY = { contentType: 'application/apply-patch+yaml' } as const

async function sendMutation(
  { how, mutation, manager, value }: Extract<Edit, { mutation: Mutation }>,
  path: string,
  manifest: Manifest,
  live: JsonObject,
  api: Workbench['api'],
): Promise<void> {
  const changed = mutation.change(live, value)
  switch (how) {
    case 'put':
      return void (await api('PUT', path, changed, { manager, mayFail: true }))
    case 'merge':
    case 'strategic': {
      const contentType = `application/${how === 'merge' ? 'merge' : 'strategic-merge'}-patch+json`
      return void (await api('PATCH', path, mergePatch(live, changed), { contentType, manager, mayFail: true }))
    }
    case 'json': {
      const patch = ['spec', 'data', 'rules', 'status', 'stringData']
        .filter((section) => changed[section] !== undefined)
        .map((section) => ({ op: 'add', path: `/${section}`, value: changed[section] }))
      const labels = { op: 'add', path: '/metadata/labels', value: (changed.metadata as JsonObject).labels ?? {} }
      return void (await api('PATCH', path, [...patch, labels], { contentType: 'application/json-patch+json', manager, mayFail: true }))
    }
    case 'apply': {
      const version = path.split('/').slice(2, 4).join('/')
      const apiVersion = path.startsWith('/api/') ? 'v1' : version
      const body = { ...mutation.change(manifest, value), apiVersion }
      return void (await api('PATCH', path, body, { ...APPLY, manager, force: true, mayFail: true }))
    }
  }
}

/** What turns one object into the other; null removes. */
function mergePatch(from: JsonObject, to: JsonObject): JsonObject {
  const keys = [...new Set([...Object.keys(from), ...Object.keys(to)])]
  return Object.fromEntries(
    keys.flatMap((key): [string, Json][] => {
      const [before, after] = [from[key], to[key]]
      if (JSON.stringify(before) === JSON.stringify(after)) return []
      if (after === undefined) return [[key, null]]
      return [[key, isJsonObject(before) && isJsonObject(after) ? mergePatch(before, after) : after]]
    }),
  )
}
