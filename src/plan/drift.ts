import { isJsonObject, parseJson, type Json, type JsonObject } from '../model/json.ts'
import type { Manifest } from '../model/object.ts'
import { isOurs, type ManagedFields, type ObservedObject } from '../model/observation.ts'
import type { FieldDrift } from '../model/plan.ts'
import { itemStep, memberStep } from './field-path.ts'

/** More fields than a person reads; the rest is summed up by the reason. */
const MOST_FIELDS = 20

/**
 * The fields of a manifest that our managedFields entry no longer carries, and who holds them now.
 * Whoever changes or removes an applied field takes it out of our entry (server-side apply, KEP-555).
 */
export function lostFields(manifest: Manifest, seen: ObservedObject): FieldDrift[] {
  const ours = seen.managedFields.find(isOurs)
  const others = seen.managedFields.filter((entry) => entry !== ours)
  const lost: FieldDrift[] = []
  walk(manifest, ours?.fields ?? {}, [], (steps) => {
    const holder = newest(others.filter((entry) => owns(entry.fields, steps)))
    lost.push({ field: displayPath(steps), manager: holder?.manager, at: holder?.time })
  })
  return [...lost, ...renamed(manifest, seen, ours)].slice(0, MOST_FIELDS)
}

/** Labels and annotations that are still ours and carry another value: somebody applied them in our name. */
function renamed({ metadata }: Manifest, seen: ObservedObject, ours: ManagedFields | undefined): FieldDrift[] {
  const owned = isJsonObject(ours?.fields['f:metadata']) ? ours.fields['f:metadata'] : {}
  return (['labels', 'annotations'] as const).flatMap((part) => {
    const fields = owned[`f:${part}`]
    return Object.entries(metadata[part] ?? {})
      .filter(([name, value]) => isJsonObject(fields) && fields[`f:${name}`] !== undefined && seen[part][name] !== value)
      .map(([name]) => ({ field: `metadata.${part}.${name}`, manager: ours?.manager, at: ours?.time }))
  })
}

/** One step into FieldsV1: the key there (`f:spec`, `k:{"name":"api"}`) and how users write it. */
interface Step {
  readonly key: string
  readonly display: string
}

const IDENTITY = new Set(['apiVersion', 'kind', 'metadata.name', 'metadata.namespace'])

function walk(value: JsonObject, owned: JsonObject, steps: readonly Step[], onLost: (steps: readonly Step[]) => void): void {
  for (const [name, item] of Object.entries(value)) {
    if (item === undefined) continue
    const path: readonly Step[] = [...steps, { key: `f:${name}`, display: memberStep(name) }]
    if (steps.length < 2 && IDENTITY.has(displayPath(path))) continue
    descend(item, owned[`f:${name}`], path, onLost)
  }
}

function descend(item: Json, owned: Json | undefined, path: readonly Step[], onLost: (steps: readonly Step[]) => void): void {
  if (!isJsonObject(owned)) {
    // Nothing of it is ours any more: name the fields in it, as far as they have names.
    if (isJsonObject(item) && Object.keys(item).length > 0) walk(item, {}, path, onLost)
    else onLost(path)
    return
  }
  if (Object.keys(owned).length === 0) return // owned as a whole: a scalar, or an atomic list or map
  if (isJsonObject(item)) walk(item, owned, path, onLost)
  else if (Array.isArray(item)) descendList(item, owned, path, onLost)
}

function descendList(items: readonly Json[], owned: JsonObject, path: readonly Step[], onLost: (steps: readonly Step[]) => void): void {
  for (const item of items) {
    const key = Object.keys(owned).find((candidate) => matches(candidate, item))
    const last = path.at(-1)
    const step: Step = { key: key ?? associativeKey(item), display: itemStep(item) }
    const inside = last === undefined ? [step] : [...path, step]
    if (key === undefined) onLost(inside)
    else if (isJsonObject(item)) {
      const fields = owned[key]
      if (isJsonObject(fields) && Object.keys(fields).length > 0) walk(item, fields, inside, onLost)
    }
  }
}

/** Does a FieldsV1 list key (`k:{"containerPort":80,"protocol":"TCP"}` or `v:"x"`) name this item? Defaulted keys may be absent from it. */
export function matches(key: string, item: Json): boolean {
  const content = itemOfKey(key)
  if (key.startsWith('v:')) return content === item
  if (!isJsonObject(content) || !isJsonObject(item)) return false
  return Object.entries(content).every(([name, value]) => item[name] === undefined || item[name] === value)
}

/** What a FieldsV1 list key says of its item: `{"name":"api"}`, or the value itself. */
export function itemOfKey(key: string): Json {
  try {
    return key.startsWith('k:') || key.startsWith('v:') ? parseJson(key.slice(2)) : null
  } catch {
    return null // A key that the API server did not write: it matches nothing.
  }
}

function associativeKey(item: Json): string {
  return isJsonObject(item) && typeof item.name === 'string' ? `k:${JSON.stringify({ name: item.name })}` : `v:${JSON.stringify(item)}`
}

function owns(fields: JsonObject, steps: readonly Step[]): boolean {
  let level: Json | undefined = fields
  for (const { key } of steps) {
    if (!isJsonObject(level)) return false
    if (level !== fields && Object.keys(level).length === 0) return true // owned as a whole
    level = level[key]
  }
  return level !== undefined
}

function newest(entries: readonly ManagedFields[]): ManagedFields | undefined {
  return entries.reduce<ManagedFields | undefined>((best, entry) => ((entry.time ?? '') >= (best?.time ?? '') ? entry : best), undefined)
}

function displayPath(steps: readonly Step[]): string {
  return steps
    .map((step) => step.display)
    .join('')
    .slice(1)
}

/** For messages: `spec.replicas, by kubectl-edit, at 2026-01-01T12:03:11Z`. */
export function displayDrift({ field, manager, at }: FieldDrift): string {
  return `${field}, by ${manager ?? 'unknown'}${at === undefined ? '' : `, at ${at}`}`
}
